"""The derivation of millrace's program `prove` in plain Python, for ops/countries/graph (depth
labels) and ops/countries/train (searches to learn from). worker/step/derive.h tells the rules.

An atom is (predicate, first, second) in numbers from 1, a state a tuple of atoms.
"""
import collections
import re

ATOMS, SUCCESSORS, DEPTH = 6, 120, 20  # millrace's defaults
ATOM = re.compile(r"(\w+)\((\w+),\s*(\w+)\)")


def read_atoms(path):
    """The atoms of a file as (predicate, first, second) words; comments begin with %."""
    return [ATOM.match(line).groups() for line in path.read_text(encoding="ascii").splitlines()
            if line and not line.startswith("%")]


def read_rules(path):
    """[(head, [body atoms])] in words, of lines head :- body."""
    rules = []
    for line in path.read_text(encoding="ascii").splitlines():
        if line and not line.startswith("%"):
            head, *body = ATOM.findall(line)
            rules.append((head, body))
    return rules


class Theory:
    """Facts, rules and the numbers of their words, as millrace numbers them."""

    def __init__(self, rules_path, facts_path, *more_paths):
        facts = read_atoms(facts_path)
        words = facts + [atom for path in more_paths for atom in read_atoms(path)]
        rules = read_rules(rules_path)
        self.constants = sorted({word for _, *ends in words for word in ends})
        names = {p for p, *_ in words} | {p for head, body in rules for p, *_ in [head, *body]}
        self.predicates = sorted(names)
        self.number = {word: i + 1 for i, word in enumerate(self.constants)}
        self.predicate = {word: i + 1 for i, word in enumerate(self.predicates)}
        self.true, self.false, self.give_up = (len(names) + i for i in (1, 2, 3))
        self.variable = len(self.constants) + 1  # the first
        self.facts = sorted({self.atom(*words) for words in facts})
        self.fact_set = set(self.facts)
        self.index = collections.defaultdict(list)
        for fact in self.facts:
            p, a, b = fact
            for key in ((p, a, b), (p, a, 0), (p, 0, b), (p, 0, 0)):
                self.index[key].append(fact)
        self.variables = {}
        self.rules = collections.defaultdict(list)
        for head, body in rules:
            numbered = [self.template(*words) for words in [head, *body]]
            self.rules[numbered[0][0]].append((numbered[0], numbered[1:]))

    def atom(self, predicate, first, second):
        return self.predicate[predicate], self.number[first], self.number[second]

    def template(self, predicate, *words):
        ends = [self.variables.setdefault(word, self.variable + len(self.variables))
                if word[0].isupper() else self.number[word] for word in words]
        return self.predicate[predicate], *ends

    def unify(self, goal, term):
        """The bindings [(variable, its value)] of both ends, or None."""
        bindings = []
        for ours, theirs in zip(goal[1:], term[1:]):
            if theirs >= self.variable:
                bindings.append((theirs, ours))
            elif ours >= self.variable:
                bindings.append((ours, theirs))
            elif ours != theirs:
                return None
        if len(bindings) == 2 and bindings[0][0] == bindings[1][0] \
                and bindings[0][1] != bindings[1][1]:
            return None
        return bindings

    def derive(self, state, next_variable, hidden=frozenset()):
        """(successors, next variable) of a state; no fact of `hidden` is used. A search hides the
        atom that it proves."""
        goal, rest = state[0], state[1:]
        if goal[0] in (self.true, self.false):
            return [((goal[0], 0, 0),)], next_variable
        children = []
        for head, body in self.rules[goal[0]]:
            shift = next_variable - self.variable
            head, *body = [rename(atom, self.variable, shift) for atom in [head, *body]]
            bindings = self.unify(goal, head)
            if bindings is not None:
                children.append(substitute((*body, *rest), bindings))
        ends = [end if end < self.variable else 0 for end in goal[1:]]
        for fact in self.index.get((goal[0], *ends), ()):
            bindings = self.unify(goal, fact)
            if bindings is not None and fact not in hidden:
                children.append(substitute(rest, bindings))
        children = [tuple(atom for atom in child
                          if atom not in self.fact_set or atom in hidden) for child in children]
        if not all(children):
            return [((self.true, 0, 0),)], next_variable
        if not children:
            return [((self.false, 0, 0),)], next_variable
        renumbered = [self.renumber(child, next_variable) for child in children]
        return [child for child, _ in renumbered], max(n for _, n in renumbered)

    @staticmethod
    def renumber(child, next_variable):
        """The variables from next_variable on in the order of their first appearance."""
        new, start = {}, next_variable
        for atom in child:
            for end in atom[1:]:
                if end >= start:
                    new.setdefault(end, start + len(new))
        return (tuple((p, new.get(a, a), new.get(b, b)) for p, a, b in child), start + len(new))

    def choices(self, state, next_variable, visited, hidden):
        """What a search may do next: (successors, next variable), giving up among them. `visited`
        holds frozensets of atoms, the state itself included."""
        children, after = self.derive(state, next_variable, hidden)
        if children[0][0][0] not in (self.true, self.false):
            children = [child for child in children[:SUCCESSORS]
                        if len(child) <= ATOMS and frozenset(child) not in visited]
            children = children[:SUCCESSORS - 1] + [((self.give_up, 0, 0),)] \
                if children else [((self.false, 0, 0),)]
        return children, after

    def search(self, root, choose, hidden=frozenset()):
        """(proved, steps, log-probability) of one search; choose(state, successors) gives the
        action and its log-probability."""
        state, next_variable, visited, logprob = (root,), self.variable, set(), 0.0
        for step in range(1, DEPTH + 1):
            visited.add(frozenset(state))
            children, next_variable = self.choices(state, next_variable, visited, hidden | {root})
            action, share = choose(state, children) if len(children) > 1 else (0, 0.0)
            state, logprob = children[action], logprob + share
            if state[0][0] >= self.true:
                break
        return state[0][0] == self.true, step, logprob

    def depth(self, root, most, hidden=frozenset()):
        """The steps of the shortest proof of an atom, -1 if none has at most `most`. States are
        not limited."""
        hidden = hidden | {root}
        layer, seen = {((root,), self.variable)}, set()
        for steps in range(1, most + 1):
            following = set()
            for state, next_variable in sorted(layer):
                children, after = self.derive(state, next_variable, hidden)
                if children[0][0][0] == self.true:
                    return steps
                if children[0][0][0] != self.false:
                    following.update((child, after) for child in children)
            seen |= layer
            layer = following - seen
        return -1


def rename(atom, first_variable, shift):
    p, a, b = atom
    return p, a + shift * (a >= first_variable), b + shift * (b >= first_variable)


def substitute(atoms, bindings):
    """Replaces the first binding's variable, and in what that gives the second's."""
    for old, new in bindings:
        atoms = tuple((p, new if a == old else a, new if b == old else b) for p, a, b in atoms)
    return tuple(atoms)
