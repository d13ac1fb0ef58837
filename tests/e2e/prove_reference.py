"""What `prove` must give, by a plain program of the written semantics, in float64.

It shares neither code nor method with millrace: states are tuples, a memory of visited states is a
set of frozensets, a network is six lines of numpy. Numbers are those of common/atom.h.

    theory = Theory(train=..., rules=..., ...)     files, read and numbered
    targets = Items(theory, ...).targets()         which atoms are to be proved
    search_all(theory, options, searches, policy)  what becomes of each

Run by hand, `python3 prove_reference.py ../../../shared/data` checks it against the golden files,
all totals and all depth labels of the real data; that takes some minutes.
"""
import gzip
import math
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy

WORD = 2 ** 32 - 1
LONG = 2 ** 64 - 1
SKIPS = 20  # states that skip_unary passes through in one step, at most
SIDES = ("head", "tail", "both")


# ---- numbers --------------------------------------------------------------------------------


def philox(counter, key):
    """Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, SC'11)."""
    a, b, c, d = counter
    low, high = key
    for _ in range(10):
        first, second = a * 0xD2511F53, c * 0xCD9E8D57
        a, b, c, d = (second >> 32) ^ b ^ low, second & WORD, (first >> 32) ^ d ^ high, first & WORD
        low, high = (low + 0x9E3779B9) & WORD, (high + 0xBB67AE85) & WORD
    return a, b, c, d


def halves(number):
    return number & WORD, number >> 32


def permute(seed, stream, count, place):
    """Place `place` of the keyed permutation of 0 .. count-1: six Feistel rounds, cycle walking."""
    bits = 1
    while (count - 1) >> (2 * bits):
        bits += 1
    mask = (1 << bits) - 1
    number = place
    while True:
        left, right = number >> bits, number & mask
        for turn in range(6):
            mix = philox((right, turn, *halves(stream)), halves(seed))[0]
            left, right = right, left ^ (mix & mask)
        number = left << bits | right
        if number < count:
            return number


@lru_cache(maxsize=1 << 20)
def splitmix(x):
    x = (x + 0x9E3779B97F4A7C15) & LONG
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & LONG
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & LONG
    return x ^ x >> 31


def state_hash(state):
    return sum(splitmix(p << 42 ^ a << 21 ^ b) for p, a, b in state) & LONG


def digest_after(digest, action):
    return splitmix((digest + action + 1) & LONG)


# ---- files ----------------------------------------------------------------------------------


def text_of(path):
    content = Path(path).read_bytes()
    return (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode()


def atom_of(text):
    """predicate(first,second) and what follows it."""
    name, rest = text.split("(", 1)
    arguments, behind = rest.rsplit(")", 1)
    first, second = arguments.split(",")
    return (name.strip(), first.strip(), second.strip()), behind.strip()


def lines_of(path):
    """(number from 0, line) of those that say something."""
    for number, line in enumerate(text_of(path).splitlines()):
        if line.strip() and not line.startswith("%"):
            yield number, line


def read_atoms(path):
    """(number from 0, (predicate, first, second)) of each line: atoms, or triples with tabs."""
    for number, line in lines_of(path):
        if "\t" in line:
            head, relation, tail = line.split("\t")
            yield number, (relation.strip(), head.strip(), tail.strip())
        else:
            yield number, atom_of(line)[0]


def read_rules(path):
    """(head, body) of each rule, with constants as words and variables as one-word tuples."""
    for _, line in lines_of(path):
        prolog = ":-" in line
        if prolog:
            head, body = line.strip().rstrip(".").split(":-")
        else:
            body, head = line.split(":", 2)[2].split("->")
        atoms = [atom_of(head)[0]]
        while body.strip(" ,"):
            atom, body = body.strip(" ,").split(")", 1)
            atoms.append(atom_of(atom + ")")[0])
        yield [(name, argument(first, prolog), argument(second, prolog))
               for name, first, second in atoms]


def argument(word, prolog):
    if not prolog:
        return (word.upper(),)
    return (word,) if word[0].isupper() or word[0] == "_" else word


# ---- theory ---------------------------------------------------------------------------------


def unify(goal, term, constants):
    """The bindings of both positions, in order; None where it fails. The second position sees the
    goal as the first has left it."""
    bindings = []
    for ours, theirs in zip(goal[1:], term[1:]):
        if bindings and ours == bindings[0][0]:
            ours = bindings[0][1]
        if theirs > constants:
            bindings.append((theirs, ours))
        elif ours > constants:
            bindings.append((ours, theirs))
        elif ours != theirs:
            return None
    if len(bindings) == 2 and bindings[0][0] == bindings[1][0] and bindings[0] != bindings[1]:
        return None
    return bindings


def substitute(atoms, bindings):
    """Binding after binding, each to the result of the one before."""
    for variable, target in bindings:
        atoms = [(p, target if a == variable else a, target if b == variable else b)
                 for p, a, b in atoms]
    return atoms


class Theory:
    """The files of a run; words are bytes-sorted and numbered from 1."""

    def __init__(self, train, rules, valid=None, test=None, facts=None, domains=None, queries=None,
                 unknown="error", limit=None):
        self.paths = {"train": train, "valid": valid, "test": test}
        atoms = {path: list(read_atoms(path)) for path in
                 filter(None, [facts, train, valid, test, queries])}
        named = [atom for path in filter(None, [facts, train, valid, test])
                 for _, atom in atoms[path]]
        rule_words = list(read_rules(rules))
        self.constants = sorted({word for atom in named for word in atom[1:]}, key=str.encode)
        self.predicates = sorted({atom[0] for atom in named} |
                                 {atom[0] for rule in rule_words for atom in rule}, key=str.encode)
        self.constant = {word: i + 1 for i, word in enumerate(self.constants)}
        self.predicate = {word: i + 1 for i, word in enumerate(self.predicates)}
        self.C, self.P = len(self.constants), len(self.predicates)
        self.true, self.false, self.give_up = (((self.P + i, 0, 0),) for i in (1, 2, 3))
        self.index_facts({self.numbers(atom) for _, atom in atoms[facts or train]})
        self.number_rules(rule_words)
        self.read_domains(domains)
        self.evaluated = [(line, self.numbers(atom)) for line, atom in atoms[queries or test]
                          if unknown == "error" or self.knows(atom)][:limit or None]
        self.files = {name: [self.numbers(atom) for _, atom in atoms[path]
                             if unknown == "error" or self.knows(atom)]
                      for name, path in {**self.paths, "queries": queries}.items() if path}

    def knows(self, atom):
        return atom[0] in self.predicate and all(word in self.constant for word in atom[1:])

    def numbers(self, atom):
        return (self.predicate[atom[0]], self.constant[atom[1]], self.constant[atom[2]])

    def words(self, atom):
        """(head, relation, tail)"""
        return (self.constants[atom[1] - 1], self.predicates[atom[0] - 1],
                self.constants[atom[2] - 1])

    def index_facts(self, facts):
        self.facts = facts
        self.of, self.with_first, self.with_second = (defaultdict(list) for _ in range(3))
        for fact in sorted(facts):
            p, a, b = fact
            self.of[p].append(fact)
            self.with_first[p, a].append(fact)
            self.with_second[p, b].append(fact)

    def number_rules(self, rule_words):
        variables = {}

        def number(word):
            if isinstance(word, str):
                return self.constant[word]
            return self.C + variables.setdefault(word, len(variables) + 1)

        self.rules = defaultdict(list)
        for rule in rule_words:
            head, *body = [(self.predicate[p], number(a), number(b)) for p, a, b in rule]
            self.rules[head[0]].append((head, body))
        self.variables = len(variables)

    def read_domains(self, path):
        self.domain_of, self.domain_by_predicate = {}, {}
        domains, lines = {}, [line for _, line in lines_of(path)] if path else []
        if not path:
            domains["all"] = list(range(1, self.C + 1))
        for line in lines:
            name, *members = line.split()
            if members:
                domains[name] = sorted(self.constant[word] for word in set(members)
                                       if word in self.constant)
        for members in domains.values():
            for constant in members:
                self.domain_of.setdefault(constant, members)
        for line in lines:
            if len(line.split()) == 1:
                predicate, head, tail = line.strip().split(":")
                if predicate in self.predicate:
                    self.domain_by_predicate[self.predicate[predicate]] = (domains[head],
                                                                          domains[tail])

    def domain(self, atom, side):
        by_predicate = self.domain_by_predicate.get(atom[0])
        return by_predicate[side] if by_predicate else self.domain_of[atom[1 + side]]

    # ---- derivation ----

    def facts_for(self, goal):
        """The facts that could unify with it, in stored order."""
        p, a, b = goal
        if a <= self.C and b <= self.C:
            return [goal] if goal in self.facts else []
        if a <= self.C:
            return self.with_first[p, a]
        return self.with_second[p, b] if b <= self.C else self.of[p]

    def renamed(self, atoms, n):
        """Template variables as runtime variables from n on."""
        shift = n - (self.C + 1)
        return [(p, a + shift * (a > self.C), b + shift * (b > self.C)) for p, a, b in atoms]

    def by_rules(self, goal, rest, n):
        """The successors that rules give, whose new variables begin at n."""
        for head, body in self.rules[goal[0]]:
            head, *body = self.renamed([head, *body], n)
            bindings = unify(goal, head, self.C)
            if bindings is not None:
                yield substitute(body + rest, bindings)

    def by_facts(self, goal, rest, root):
        for fact in self.facts_for(goal):
            bindings = unify(goal, fact, self.C) if fact != root else None
            if bindings is not None:
                yield substitute(rest, bindings)

    def pruned(self, children, root):
        return [[atom for atom in child if atom == root or atom not in self.facts]
                for child in children]

    def derive(self, state, n, root):
        """The successors of a state and the next free variable: steps 1 to 7."""
        if not state or state == self.false:
            return [self.false], n
        if state == self.true:
            return [self.true], n
        goal, rest = state[0], list(state[1:])
        rules = self.pruned(self.by_rules(goal, rest, n), root)
        facts = self.pruned(self.by_facts(goal, rest, root), root)  # they have no new variables
        if not all(rules) or not all(facts):
            return [self.true], n
        if not rules and not facts:
            return [self.false], n
        numbered = [renumber(child, n) for child in rules]
        return ([child for child, _ in numbered] + [tuple(child) for child in facts],
                max([n, *(after for _, after in numbered)]))

    def label(self, root, deepest=4, atoms=20, cap=500):
        """Steps of the shortest proof, breadth-first over all successors; -1: none."""
        level, seen = [((root,), self.C + 1)], set()
        for depth in range(1, deepest + 1):
            after = []
            for state, n in level:
                children, n = self.derive(state, n, root)
                if children == [self.true]:
                    return depth
                for child in children[:cap]:
                    if child != self.false and len(child) <= atoms and (child, n) not in seen:
                        seen.add((child, n))
                        after.append((child, n))
            level = after
        return -1


def renumber(atoms, n):
    """Variables from n on become n, n+1, ... by first appearance; and the next free one."""
    names = {}

    def name(variable):
        return variable if variable < n else names.setdefault(variable, n + len(names))

    return tuple((p, name(a), name(b)) for p, a, b in atoms), n + len(names)


# ---- what is to be proved -------------------------------------------------------------------


@dataclass
class Items:
    """Targets and candidates of a run."""
    theory: Theory
    sides: tuple = ("head", "tail")
    mode: str = None
    samples: int = None  # None: all
    filters: tuple = ("train", "valid", "test")
    seed: int = 0

    def __post_init__(self):
        self.known = {atom for name in self.filters for atom in self.theory.files[name]}

    def corruptions(self, line, atom, side, most):
        """The atoms with another constant in slot `side`, 0 or 1, in the order of places."""
        own = atom[1 + side]
        others = [constant for constant in self.theory.domain(atom, side) if constant != own]
        if most is not None:
            others = [others[permute(self.seed, 3 * line + side, len(others), place)]
                      for place in range(min(most, len(others)))]
        for other in others:
            yield (atom[0], other, atom[2]) if side == 0 else (atom[0], atom[1], other)

    def places(self, line, atom, side):
        """The atoms of a target, the known ones too; the first is the true one."""
        yield atom
        if side < 2:
            yield from self.corruptions(line, atom, side, self.samples)
            return
        most = self.samples
        yield from self.corruptions(line, atom, 0, None if most is None else (most + 1) // 2)
        yield from self.corruptions(line, atom, 1, None if most is None else most // 2)

    def searches(self):
        """One for each item, in the order of the export; with how many places were skipped."""
        sides = [self.mode] if self.mode else [side for side in SIDES if side in self.sides]
        for line, atom in self.theory.evaluated:
            for side in map(SIDES.index, sides):
                for place, candidate in enumerate(self.places(line, atom, side)):
                    if place == 0 or candidate not in self.known:
                        yield Search(candidate, self.theory, line, side, place)

    def filtered(self):
        """(line, side) -> places that hold known triples."""
        sides = [self.mode] if self.mode else [side for side in SIDES if side in self.sides]
        return {(line, side): sum(place > 0 and candidate in self.known for place, candidate in
                                  enumerate(self.places(line, atom, SIDES.index(side))))
                for line, atom in self.theory.evaluated for side in sides}


# ---- searching ------------------------------------------------------------------------------


@dataclass
class Options:
    depth: int = 20
    atoms: int = 6
    successors: int = 120
    memory_pruning: bool = True
    skip_unary: bool = False
    end_action: bool = True


class Search:
    """One search, its past and what became of it."""

    def __init__(self, root, theory, line=0, side=0, place=0):
        self.root, self.line, self.side, self.place = root, line, side, place
        self.state, self.n, self.visited = (root,), theory.C + 1, set()
        self.depth, self.logprob, self.digest, self.end = 0, 0.0, 0, None
        self.margin = math.inf  # the least between best and second logit, of all choices
        self.counts = []  # successors of each step

    @property
    def stream(self):
        return 3 * self.line + self.side

    def row(self, theory):
        """As the export has it."""
        head, relation, tail = theory.words(self.root)
        return {"query": self.line, "side": SIDES[self.side], "candidate": self.place,
                "head": head, "relation": relation, "tail": tail, "proved": int(self.end == "T"),
                "depth": self.depth, "end": self.end, "logprob": self.logprob,
                "digest": self.digest}


def successors(search, theory, options):
    """All that the search can do next; skip_unary moves its state."""
    ends = (theory.true, theory.false)
    for skipped in range(SKIPS + 1):
        found, search.n = theory.derive(search.state, search.n, search.root)
        found = found[: options.successors]
        if found[0] in ends:
            return found
        found = [child for child in found if len(child) <= options.atoms]
        if options.memory_pruning:
            search.visited.add(frozenset(search.state))
            found = [child for child in found if frozenset(child) not in search.visited]
        if not found:
            return [theory.false]
        if not options.skip_unary or len(found) > 1:
            break
        if skipped == SKIPS:
            return [theory.false]
        search.state = found[0]
    if options.end_action:
        found = found[: options.successors - 1] + [theory.give_up]
    return found


def take(search, found, action, logprob, theory, options):
    """Moves to successor number `action`."""
    search.state = found[action]
    search.depth += 1
    search.logprob += logprob
    search.digest = digest_after(search.digest, action)
    search.counts.append(len(found))
    search.end = {theory.true: "T", theory.false: "F", theory.give_up: "E"}.get(search.state)
    if not search.end and search.depth >= options.depth:
        search.end = "D"


def search_all(theory, options, searches, policy):
    """All searches to their ends, step by step together; gives them back."""
    searches = list(searches)
    live = searches
    while live:
        found = [successors(search, theory, options) for search in live]
        choices = policy(live, found)
        for search, states, (action, logprob) in zip(live, found, choices):
            take(search, states, action, logprob, theory, options)
        live = [search for search in live if not search.end]
    return searches


# A policy gives (action, log-probability) for each search and its successors.


def first_policy(live, found):
    return [(0, 0.0)] * len(found)


def hash_policy(theory):
    def choose(states):
        allowed = [i for i, state in enumerate(states) if state != theory.give_up] or [0]
        return min(allowed, key=lambda i: (state_hash(states[i]), i)), 0.0
    return lambda live, found: [choose(states) for states in found]


def random_policy(seed):
    def choose(search, count):
        counter = (*halves(search.stream), search.place, search.depth)
        return philox(counter, halves(seed))[0] * count >> 32, -math.log(count)
    return lambda live, found: [choose(search, len(states)) if len(states) > 1 else (0, 0.0)
                                for search, states in zip(live, found)]


@dataclass
class Network:
    """A policy network, as common/network.h tells, in float64; codes are kept by state."""
    tensors: dict
    atoms: int
    code_of: dict = field(default_factory=dict)

    def __post_init__(self):
        self.layers = {name: array.astype("f8") for name, array in self.tensors.items()}
        self.constants, self.predicates = (self.layers[f"{name}.weight"]
                                           for name in ("constants", "predicates"))
        self.constants[0] = self.predicates[0] = 0  # padding; not read
        self.blocks = sum(name.startswith("block.") and name.count(".") == 2 and
                          name.endswith("weight") for name in self.layers)
        self.temperature = self.layers.get("temperature")

    def linear(self, name, x):
        return x @ self.layers[f"{name}.weight"].T + self.layers[f"{name}.bias"]

    def layer(self, name, x):
        """norm(relu(linear(x)))"""
        x = numpy.maximum(self.linear(name, x), 0)
        x = x - x.mean(1, keepdims=True)
        x /= numpy.sqrt((x ** 2).mean(1, keepdims=True) + 1e-5)
        return x * self.layers[f"{name}.norm.weight"] + self.layers[f"{name}.norm.bias"]

    def embed(self, states):
        """Padding and the arguments of ends are number 0, whose rows are zero."""
        atoms = numpy.zeros((len(states), self.atoms, 3), int)
        for row, state in zip(atoms, states):
            row[: len(state)] = state
        p, a, b = numpy.moveaxis(atoms, 2, 0)
        return (self.predicates[p] + self.constants[a] - self.constants[b]).sum(1) / self.atoms

    def encode(self, states):
        """Those that are not there yet."""
        fresh = [state for state in dict.fromkeys(states) if state not in self.code_of]
        for start in range(0, len(fresh), 1024):
            some = fresh[start: start + 1024]
            x = self.layer("input", self.embed(some))
            for i in range(self.blocks):
                x = x + self.layer(f"block.{i}", x)
            x = self.linear("head.1", numpy.maximum(self.linear("head.0", x), 0))
            if self.temperature is not None:
                x /= numpy.maximum(numpy.sqrt((x ** 2).sum(1, keepdims=True)), 1e-12)
            self.code_of.update(zip(some, x))

    def choose(self, search, states):
        """Equal states have equal logits, so that ties are ties; the margin is between others."""
        scale = math.sqrt(self.constants.shape[1]) if self.temperature is None \
            else self.temperature.item()
        own = self.code_of[search.state]
        unique = list(dict.fromkeys(states))
        value = dict(zip(unique, numpy.stack([self.code_of[s] for s in unique]) @ own / scale))
        logits = numpy.array([value[state] for state in states])
        action = int(logits.argmax())
        if len(unique) > 1:
            search.margin = min(search.margin, logits[action] -
                                max(value[state] for state in unique if state != states[action]))
        return action, -math.log(numpy.exp(logits - logits[action]).sum())

    def policy(self, live, found):
        wide = [(search, states) for search, states in zip(live, found) if len(states) > 1]
        self.encode([state for search, states in wide for state in (search.state, *states)])
        return [self.choose(search, states) if len(states) > 1 else (0, 0.0)
                for search, states in zip(live, found)]


# ---- by hand --------------------------------------------------------------------------------


def real_theory(data, name, **changes):
    folder = Path(data) / "prove" / name
    paths = {role: folder / f"{role}.txt" for role in ("train", "valid", "test", "rules")}
    return Theory(**(paths | changes))


def totals(searches):
    """proved, steps, ends T/F/D and first counts: a row of the specification's tables."""
    ends = [search.end for search in searches]
    return (ends.count("T"), sum(search.depth for search in searches),
            (ends.count("T"), ends.count("F"), ends.count("D")),
            sum(search.counts[0] for search in searches))


def main(data):
    for name in ("countries_s3", "family"):
        theory = real_theory(data, name)
        for policy in (hash_policy(theory), first_policy):
            searches = search_all(theory, Options(),
                                  (Search(atom, theory) for _, atom in theory.evaluated), policy)
            print(name, len(searches), *totals(searches), flush=True)
    labels = [theory.label(atom) for _, atom in theory.evaluated]
    print("labels", {label: labels.count(label) for label in sorted(set(labels))})
    expected = [int(line.split()[1]) for line in
                (Path(data) / "prove" / "family" / "test_depths.txt").read_text().splitlines()]
    print("labels that differ from the file:",
          sum(ours != theirs for ours, theirs in zip(labels, expected)))


if __name__ == "__main__":
    main(sys.argv[1])
