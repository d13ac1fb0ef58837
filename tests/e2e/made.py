"""Made data: a small graph, a model of any scorer, and an independent answer in float64.

`Made(...)` draws everything from its seed; `write` makes the files; `expected` ranks with numpy,
entity by entity, by the written conventions, so it shares neither code nor method with millrace.
With `whole` all weights are small whole numbers (and rotations quarter turns): every score is
exact in any order of addition, and ties are real.
"""
import hashlib
import json
import struct
from dataclasses import dataclass

import numpy

HEADER = "query\tside\thead\trelation\ttail\tabove\tlevel\tcandidates\tfiltered\tnonfinite\n"
NUMPY_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}


def bfloat16(array):
    """The upper halves of float32 numbers, rounded to even."""
    bits = numpy.ascontiguousarray(array, "<f4").view("<u4").astype("u8")
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def tensor_bytes(array, kind):
    return (bfloat16(array) if kind == "BF16" else array.astype(NUMPY_TYPES[kind])).tobytes()


def safetensors(tensors, kind="F32"):
    """The bytes of a safetensors file that holds `tensors`, a dict of arrays."""
    header, parts, at = {}, [], 0
    for name, array in tensors.items():
        part = tensor_bytes(array, kind)
        header[name] = {"dtype": kind, "shape": list(array.shape),
                        "data_offsets": [at, at + len(part)]}
        parts.append(part)
        at += len(part)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(parts)


@dataclass
class Made:
    seed: int = 0
    scorer: str = "distmult"
    whole: bool = False
    entities: int = 60
    relations: int = 5
    train: int = 300
    test: int = 60
    width: int = 16
    layout: str = "halves"
    inverse: str = "none"
    norm: str = "moduli"
    phases: bool = True  # rotate: the relation table holds angles, not complex numbers

    def __post_init__(self):
        draw = numpy.random.default_rng(self.seed)
        count = self.train + 2 * self.test
        places = numpy.stack([draw.integers(0, self.entities, count),
                              draw.integers(0, self.relations, count),
                              draw.integers(0, self.entities, count)], 1)
        places[: self.entities, 0] = numpy.arange(self.entities)  # each one is in train
        places[: self.relations, 1] = numpy.arange(self.relations)
        self.splits = {"train": places[: self.train],
                       "valid": places[self.train: self.train + self.test],
                       "test": places[self.train + self.test:]}
        # Some test triples share a question, and some stand twice.
        test = self.splits["test"]
        half = self.test // 2
        test[half: half + 5, :2] = test[:5, :2]
        test[half + 5: half + 8] = test[5:8]
        self.entity = self.numbers(draw, (self.entities, self.width))
        rows = self.relations * (1 if self.inverse == "none" else 2)
        self.relation = self.relation_numbers(draw, rows)
        # The words sort in another order than the ids.
        self.entity_words = [f"e{(7 * i) % self.entities}-{i}" for i in range(self.entities)]
        self.relation_words = [f"r{self.relations - i}" for i in range(self.relations)]

    def numbers(self, draw, shape):
        if self.whole:
            return draw.integers(-2, 3, shape).astype("f4")
        return draw.standard_normal(shape).astype("f4")

    def relation_numbers(self, draw, rows):
        """The relation table: for rotate angles, or unit complex numbers (real parts first)."""
        if self.scorer != "rotate":
            return self.numbers(draw, (rows, self.width))
        half = self.width // 2
        if self.phases:
            return (draw.random((rows, half)) * 6 - 3).astype("f4")
        turns = draw.integers(0, 4, (rows, half))
        real = numpy.array([1, 0, -1, 0])[turns]
        imaginary = numpy.array([0, 1, 0, -1])[turns]
        return numpy.concatenate([real, imaginary], 1).astype("f4")

    # ---- files ---------------------------------------------------------------------------

    def lines(self, split, ids=False):
        if ids:
            return "".join(f"{h}\t{r}\t{t}\n" for h, r, t in self.splits[split])
        return "".join(f"{self.entity_words[h]}\t{self.relation_words[r]}\t"
                       f"{self.entity_words[t]}\n" for h, r, t in self.splits[split])

    def stored(self, table, complex_numbers):
        """As the file has it: in pairs where the layout says so."""
        if self.layout == "halves" or not complex_numbers:
            return table
        rows, width = table.shape
        return table.reshape(rows, 2, width // 2).transpose(0, 2, 1).reshape(rows, width)

    def tensors(self):
        is_complex = self.scorer in ("complex", "rotate")
        paired = is_complex and self.relation.shape[1] == self.width
        return {"entity_embeddings.weight": self.stored(self.entity, is_complex),
                "relation_embeddings.weight": self.stored(self.relation, paired)}

    def write(self, folder):
        self.folder = folder
        for split in self.splits:
            (folder / f"{split}.txt").write_text(self.lines(split))
        for name, words in (("entities", self.entity_words), ("relations", self.relation_words)):
            (folder / f"{name}.tsv").write_text(
                "".join(f"{i}\t{word}\n" for i, word in enumerate(words)))
        (folder / "model.safetensors").write_bytes(safetensors(self.tensors()))
        return self

    def flags(self, **changes):
        """The flags of a run on these files; a change of None leaves a flag out."""
        flags = {name: self.folder / f"{name}.txt" for name in self.splits}
        flags |= {name: self.folder / f"{name}.tsv" for name in ("entities", "relations")}
        flags |= {"model": self.folder / "model.safetensors", "scorer": self.scorer}
        standard = {"layout": "halves", "inverse": "none", "norm": "moduli"}
        flags |= {key: getattr(self, key) for key in standard
                  if getattr(self, key) != standard[key]}
        flags |= changes
        return [word for key, value in flags.items() if value is not None
                for word in ("--" + key.replace("_", "-"), value)]

    # ---- answers -------------------------------------------------------------------------

    def scores(self, side, anchor, relation):
        """Of all entities, in float64."""
        row, head = relation, side == "head"
        if self.inverse != "none":
            row = {"blocks": relation + head * self.relations,
                   "interleaved": 2 * relation + head}[self.inverse]
            head = False
        e, a = self.entity.astype("f8"), self.entity[anchor].astype("f8")
        r = self.relation[row].astype("f8")
        return SCORES[self.scorer](self, e, a, r, head)

    def expected_rows(self, split="test", filters=("train", "valid", "test"),
                      sides=("head", "tail"), limit=None):
        """(query, side, triple, above, level, candidates, filtered) of each query."""
        known = {}
        for h, r, t in numpy.concatenate([self.splits[name] for name in filters]) \
                if filters else ():
            known.setdefault(("head", t, r), set()).add(h)
            known.setdefault(("tail", h, r), set()).add(t)
        for query, (h, r, t) in enumerate(self.splits[split][:limit]):
            for side in sorted(sides):
                anchor, answer = (t, h) if side == "head" else (h, t)
                score = self.scores(side, anchor, r)
                others = known.get((side, anchor, r), set()) - {answer}
                compared = numpy.ones(self.entities, bool)
                compared[list(others)] = False
                if not self.whole:  # else the conventions of rounding could decide
                    gaps = numpy.abs(numpy.delete(score, answer) - score[answer])
                    assert gaps.min() > 1e-6, "choose another seed"
                above = int((score[compared] > score[answer]).sum())
                level = int((score[compared] == score[answer]).sum()) - 1
                yield query, side, (h, r, t), above, level, int(compared.sum()), len(others)

    def expected(self, ids=False, **options):
        """The bytes of the exported ranks."""
        lines = [HEADER]
        for query, side, (h, r, t), *counts in self.expected_rows(**options):
            words = (h, r, t) if ids else (self.entity_words[h], self.relation_words[r],
                                           self.entity_words[t])
            lines.append("\t".join(map(str, (query, side, *words, *counts, 0))) + "\n")
        return "".join(lines).encode()

    def expected_digest(self, **options):
        return hashlib.sha256(self.expected(**options)).hexdigest()


def translated(e, a, r, head):
    return e + r - a if head else a + r - e


def complex_of(row):
    half = row.shape[-1] // 2
    return row[..., :half] + 1j * row[..., half:]


def rotated(made, e, a, r, head):
    """The differences h r - t, complex, entity by entity; |r| is 1."""
    turn = numpy.exp(1j * r) if made.phases else complex_of(r)
    e, a = complex_of(e), complex_of(a)
    return e * turn - a if head else a * turn - e


def rotate_score(made, e, a, r, head):
    difference = rotated(made, e, a, r, head)
    if made.norm == "moduli":
        return -numpy.abs(difference).sum(1)
    return -(difference.real ** 2 + difference.imag ** 2).sum(1)


def complex_score(made, e, a, r, head):
    e, a, r = complex_of(e), complex_of(a), complex_of(r)
    return (e * r * a.conj() if head else a * r * e.conj()).real.sum(1)


SCORES = {
    "transe_l1": lambda made, *row: -numpy.abs(translated(*row)).sum(1),
    "transe_l2": lambda made, *row: -(translated(*row) ** 2).sum(1),
    "distmult": lambda made, e, a, r, head: (e * a * r).sum(1),
    "complex": complex_score,
    "rotate": rotate_score,
}
