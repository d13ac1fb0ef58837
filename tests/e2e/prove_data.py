"""Made theories for `prove`: their files, flags, and what is expected of them.

`MadeTheory` is of given lines; `Family(seed)` draws a family with its towns from a seed. `write`
makes the files; `expected` asks the reference (prove_reference.py) what becomes of every candidate.
"""
from functools import lru_cache

import numpy

from made import safetensors
from prove_reference import (Items, Network, Options, Theory, first_policy, hash_policy,
                             random_policy, search_all)

RULES = """\
% people and towns, in two ways to write a rule; a name is one variable all over the file
r0:0.75:parent(x,y) -> child(y,x)
r1:0.5:child(a,h), married(h,b) -> child(a,b)
r2:0.5:parent(a,h), parent(h,b) -> grand(a,b)
r3:1:parent(h,A), parent(h,b) -> sibling(a,b)

sibling(A,B) :- sibling(B,A).
sibling(A,B) :- sibling(A,H), sibling(H,B).
r6:1:parent(a,h), sibling(h,b) -> parent(a,b)
married(A,B) :- child(H,A), child(H,B).
/lives/in(A,T) :- married(A,B), /lives/in(B,T).
r9:0.1:child(a,p), sibling(p,q), /lives/in(q,t) -> /lives/in(a,t)
/lives/in(A,/town/7.5) :- grand(B, A), grand(C,A)."""

SMALL = {"width": 12, "hidden": 20, "blocks": 2}
LIVES = "/lives/in"


class MadeTheory:
    """`splits`: lists of (predicate, first, second) for train, valid and test."""

    def __init__(self, splits, rules):
        self.splits, self.rules = splits, rules

    # ---- files ----

    def lines(self, split):
        return "".join(f"{p}({a},{b}).\n" for p, a, b in self.splits[split])

    def triples(self, split):
        return "".join(f"{a}\t{p}\t{b}\n" for p, a, b in self.splits[split])

    def write(self, folder):
        self.folder = folder
        for split in self.splits:
            (folder / f"{split}.txt").write_text(self.lines(split))
        (folder / "rules.txt").write_text(self.rules)
        self.theory = self.theory_with()
        self.tensors = network_tensors(self.theory, seed=5, **SMALL)
        (folder / "policy.safetensors").write_bytes(safetensors(self.tensors))
        return self

    def flags(self, **changes):
        """The flags of a run on these files; a change of None leaves a flag out."""
        flags = {"program": "prove", **{name: self.folder / f"{name}.txt" for name in self.splits},
                 "rules": self.folder / "rules.txt", "policy": "hash"}
        if changes.get("policy") == "network":
            flags["model"] = self.folder / "policy.safetensors"
        return [word for key, value in (flags | changes).items() if value is not None
                for word in ("--" + key.replace("_", "-"), value)]

    # ---- answers ----

    def theory_with(self, **changes):
        paths = {name: self.folder / f"{name}.txt" for name in ("rules", *self.splits)}
        theory = Theory(**(paths | changes))
        theory.derive = lru_cache(maxsize=None)(theory.derive)  # searches of one atom begin alike
        return theory

    def policy(self, name, seed=0, atoms=6, tensors=None):
        return {"first": lambda: first_policy, "hash": lambda: hash_policy(self.theory),
                "random": lambda: random_policy(seed),
                "network": lambda: self.network(atoms, tensors).policy}[name]()

    @lru_cache(maxsize=None)
    def trained(self, atoms):
        return Network(self.tensors, atoms)

    def network(self, atoms, tensors):
        return Network(tensors, atoms) if tensors else self.trained(atoms)

    @lru_cache(maxsize=None)
    def expected(self, policy="hash", theory=(), items=(), **options):
        """All searches of a run, done; `theory` and `items` are pairs for Theory and Items."""
        theory = self.theory_with(**dict(theory)) if theory else self.theory
        items, options = Items(theory, **dict(items)), Options(**options)
        return search_all(theory, options, items.searches(),
                          self.policy(policy, items.seed, options.atoms))


class Family(MadeTheory):
    """48 people of three generations in 12 towns; some of what is true of them is asked."""

    couples, towns, queries = 8, 12, 18

    def __init__(self, seed=1):
        self.draw = numpy.random.default_rng(seed)
        numbers = self.draw.permutation(6 * self.couples) + 5  # "10" sorts before "9"
        self.people = [str(number) for number in numbers]
        self.town = [f"/town/{i}.5" for i in range(self.towns)]
        atoms = self.true_atoms()
        atoms = [atoms[i] for i in self.draw.permutation(len(atoms))]
        cut = self.queries + 20
        super().__init__({"train": atoms[cut:] + atoms[cut: cut + 3],  # some stand twice
                          "valid": atoms[self.queries: cut], "test": atoms[: self.queries]}, RULES)

    def true_atoms(self):
        atoms, people = set(), [self.people[i::3] for i in range(3)]
        for generation in range(3):
            for i in range(0, len(people[generation]), 2):
                one, two = people[generation][i: i + 2]
                home = self.town[self.draw.integers(self.towns)]
                atoms |= {("married", one, two), (LIVES, one, home)}
                if generation == 2:
                    atoms.add((LIVES, two, self.town[self.draw.integers(self.towns)]))
                    continue
                children = [people[generation + 1][j] for j in
                            self.draw.choice(len(people[generation + 1]), 3, replace=False)]
                atoms |= {("parent", parent, child) for parent in (one, two) for child in children}
                atoms |= {("child", child, one) for child in children[:2]}
                atoms |= {("sibling", a, b) for a in children for b in children if a < b}
        parents = [(a, b) for p, a, b in atoms if p == "parent"]
        atoms |= {("grand", a, c) for a, b in parents for b2, c in parents if b == b2}
        return sorted(atoms)

    def write(self, folder):
        super().write(folder)
        (folder / "domains.txt").write_text(self.domain_lines())
        (folder / "depths.txt").write_text("".join(
            "{1}({0},{2}) {3}\n".format(*self.theory.words(atom), self.labels()[line])
            for line, atom in self.theory.evaluated if line in self.labels()))
        return self

    def domain_lines(self):
        return (f"first {' '.join(self.people[:20])} nobody\n"
                f"others {' '.join(self.people[10:])}\n"
                f"towns {' '.join(self.town)}\n"
                f"grand:others:others\n{LIVES}:first:towns\n")

    @lru_cache(maxsize=None)
    def labels(self):
        """Query -> depth of its shortest proof, of all but every seventh."""
        return {line: self.theory.label(atom, deepest=3, atoms=8, cap=100)
                for line, atom in self.theory.evaluated if line % 7 != 6}


def orthogonal(draw, rows, columns):
    """Orthogonal rows (or columns) of length sqrt(2), as a policy's training begins."""
    many, few = max(rows, columns), min(rows, columns)
    q, r = numpy.linalg.qr(draw.standard_normal((many, few)))
    q = q * numpy.sign(numpy.diag(r)) * numpy.sqrt(2)
    return (q if rows >= columns else q.T).astype("f4")


def network_tensors(theory, seed, width, hidden, blocks, variables=1000, temperature=None):
    """Untrained weights of common/network.h's shapes; biases and norms off their first values."""
    draw = numpy.random.default_rng(seed)
    tensors = {"constants.weight": draw.standard_normal((theory.C + variables + 1, width)),
               "predicates.weight": draw.standard_normal((theory.P + 4, width))}
    layers = {"input": (hidden, width), **{f"block.{i}": (hidden, hidden) for i in range(blocks)},
              "head.0": (hidden, hidden), "head.1": (width, hidden)}
    for name, (rows, columns) in layers.items():
        tensors[f"{name}.weight"] = orthogonal(draw, rows, columns)
        tensors[f"{name}.bias"] = 0.1 * draw.standard_normal(rows)
        if not name.startswith("head"):
            tensors[f"{name}.norm.weight"] = 1 + 0.1 * draw.standard_normal(rows)
            tensors[f"{name}.norm.bias"] = 0.1 * draw.standard_normal(rows)
    if temperature:
        tensors["temperature"] = numpy.array([temperature])
    return {name: array.astype("f4") for name, array in tensors.items()}
