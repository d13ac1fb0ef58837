"""Made data against an independent answer in numpy: every scorer, format, filter and policy.

The expected bytes of the export are made whole, so one comparison is of every query.
"""
import gzip
import hashlib
import io
import shutil
import subprocess

import numpy
import pytest

from made import Made, safetensors, tensor_bytes
from tool import rows_of

MADE = {
    "transe_l1": Made(seed=11, scorer="transe_l1"),
    "transe_l1 whole": Made(seed=12, scorer="transe_l1", whole=True),
    "transe_l2": Made(seed=13, scorer="transe_l2"),
    "transe_l2 whole": Made(seed=14, scorer="transe_l2", whole=True),
    "distmult": Made(seed=15, scorer="distmult"),
    "distmult whole": Made(seed=16, scorer="distmult", whole=True),
    "distmult of a width that needs padding": Made(seed=17, scorer="distmult", width=13),
    "complex": Made(seed=18, scorer="complex"),
    "complex whole": Made(seed=19, scorer="complex", whole=True),
    "complex of a width that needs padding": Made(seed=20, scorer="complex", width=18),
    "complex interleaved": Made(seed=21, scorer="complex", layout="interleaved"),
    "complex with inverse blocks": Made(seed=22, scorer="complex", inverse="blocks"),
    "complex with inverse interleaved, whole":
        Made(seed=23, scorer="complex", inverse="interleaved", whole=True),
    "transe_l1 with inverse blocks": Made(seed=24, scorer="transe_l1", inverse="blocks"),
    "rotate": Made(seed=25, scorer="rotate"),
    "rotate of a width that needs padding": Made(seed=26, scorer="rotate", width=10),
    "rotate interleaved": Made(seed=27, scorer="rotate", layout="interleaved"),
    "rotate by complex numbers": Made(seed=28, scorer="rotate", phases=False),
    "rotate by complex numbers, interleaved":
        Made(seed=29, scorer="rotate", phases=False, layout="interleaved"),
    "rotate with norm l2": Made(seed=30, scorer="rotate", norm="l2"),
    "rotate by quarters with norm l2, whole":
        Made(seed=31, scorer="rotate", norm="l2", phases=False, whole=True),
    "rotate with inverse interleaved": Made(seed=32, scorer="rotate", inverse="interleaved"),
    "one dimension": Made(seed=33, scorer="distmult", width=1, whole=True),
    "two entities": Made(seed=34, scorer="distmult", entities=2, relations=2, train=4, test=18,
                         whole=True),
}


@pytest.mark.parametrize("name", MADE)
def test_ranks_equal_numpy(name, tool):
    made = MADE[name].write(tool.folder)
    tool.run("run.db", *made.flags())
    assert tool.ranks("run.db") == made.expected()


def test_whole_weights_have_real_ties(small):
    rows = list(small.expected_rows())
    assert sum(level > 0 for *_, level, _, _ in rows) > len(rows) / 10


# ---- formats: the same numbers, so the same results -----------------------------------------


@pytest.mark.parametrize("kind", ["F16", "BF16", "F64"])
def test_type_of_the_weights_changes_nothing(kind, small, tool):
    model = tool.folder / "model.safetensors"
    model.write_bytes(safetensors(small.tensors(), kind))
    tool.run("run.db", *small.flags(model=model))
    assert tool.ranks("run.db") == small.expected()


def test_f64_weights_are_rounded_to_fp32_once(tool):
    made = MADE["distmult"].write(tool.folder)
    nudged = {name: array.astype("f8") * (1 + 2.0 ** -30)
              for name, array in made.tensors().items()}
    assert (nudged["entity_embeddings.weight"].astype("f4") == made.entity).all()
    (tool.folder / "model.safetensors").write_bytes(safetensors(nudged, "F64"))
    tool.run("run.db", *made.flags())
    assert tool.ranks("run.db") == made.expected()


def test_npy_tables(small, tool):
    names = {"model": "entity_embeddings.weight", "relation_model": "relation_embeddings.weight"}
    for flag, tensor in names.items():
        numpy.save(tool.folder / f"{flag}.npy", small.tensors()[tensor])
    tool.run("run.db", *small.flags(model=tool.folder / "model.npy",
                                    relation_model=tool.folder / "relation_model.npy"))
    assert tool.ranks("run.db") == small.expected()


def test_tensors_of_other_names_and_of_three_dimensions(small, tool):
    entity, relation = small.tensors().values()
    tensors = {"e": entity.reshape(len(entity), 4, -1), "other": numpy.zeros((3, 3), "f4"),
               "r": relation}
    model = tool.folder / "model.safetensors"
    model.write_bytes(safetensors(tensors))
    tool.run("run.db", *small.flags(model=model, entity_tensor="e", relation_tensor="r"))
    assert tool.ranks("run.db") == small.expected()


def gzipped(text, path):
    path.write_bytes(gzip.compress(text.encode()))


def zstandard(text, path):
    if not shutil.which("zstd"):
        pytest.skip("zstd is not installed")
    subprocess.run(["zstd", "-q", "-o", path], input=text.encode(), check=True)


@pytest.mark.parametrize("pack", [gzipped, zstandard])
def test_compressed_triples(pack, small, tool):
    changes = {}
    for split in small.splits:
        changes[split] = tool.folder / f"{split}.packed"
        pack(small.lines(split), changes[split])
    tool.run("run.db", *small.flags(**changes))
    assert tool.ranks("run.db") == small.expected()


def test_windows_lines_and_a_byte_order_mark(small, tool):
    test = tool.folder / "test.txt"
    text = "\ufeff" + small.lines("test").replace("\n", "\r\n").rstrip()
    test.write_bytes(text.encode())
    tool.run("run.db", *small.flags(test=test))
    assert tool.ranks("run.db") == small.expected()


def test_ids_instead_of_labels(small, tool):
    changes = {}
    for split in small.splits:
        changes[split] = tool.folder / f"{split}.txt"
        changes[split].write_text(small.lines(split, ids=True))
    tool.run("run.db", *small.flags(**changes))
    assert tool.ranks("run.db") == small.expected(ids=True)


def test_maps_default_to_the_sorted_labels_of_train(small, tool):
    made = small
    entity = sorted(range(made.entities), key=lambda i: made.entity_words[i].encode())
    relation = sorted(range(made.relations), key=lambda i: made.relation_words[i].encode())
    tensors = {"entity_embeddings.weight": made.entity[entity],
               "relation_embeddings.weight": made.relation[relation]}
    model = tool.folder / "model.safetensors"
    model.write_bytes(safetensors(tensors))
    tool.run("run.db", *made.flags(model=model, entities=None, relations=None))
    assert tool.ranks("run.db") == made.expected()


# ---- what is asked --------------------------------------------------------------------------


@pytest.mark.parametrize("choice, filters", [
    ("none", ()), ("train", ("train",)), ("valid,train", ("train", "valid")),
    ("test", ("test",)), ("train,valid,test", ("train", "valid", "test")),
])
def test_filter_is_what_was_chosen(choice, filters, small, tool):
    tool.run("run.db", *small.flags(filter=choice))
    assert tool.ranks("run.db") == small.expected(filters=filters)


def test_default_filter_is_every_file_given(small, tool):
    tool.run("run.db", *small.flags(valid=None))
    assert tool.ranks("run.db") == small.expected(filters=("train", "test"))


@pytest.mark.parametrize("split", ["valid", "train"])
def test_another_split_can_be_evaluated(split, small, tool):
    tool.run("run.db", *small.flags(queries=split))
    assert tool.ranks("run.db") == small.expected(split=split)


def test_a_file_of_queries_filters_itself(small, tool):
    queries = tool.folder / "queries.txt"
    queries.write_text(small.lines("valid"))
    tool.run("run.db", *small.flags(queries=queries, valid=None))
    assert tool.ranks("run.db") == small.expected(split="valid")


@pytest.mark.parametrize("sides", [("head",), ("tail",)])
def test_one_side_can_be_asked_alone(sides, small, tool):
    tool.run("run.db", *small.flags(sides=",".join(sides)))
    assert tool.ranks("run.db") == small.expected(sides=sides)
    other = {"head": "tail", "tail": "head"}[sides[0]]
    metrics = tool.report("run.db")["metrics"]
    assert metrics[other]["realistic"]["count"] == 0
    assert metrics[other]["realistic"]["arithmetic_mean_rank"] is None
    assert metrics["both"] == metrics[sides[0]]


def test_limit_takes_the_first_lines(small, tool):
    tool.run("run.db", *small.flags(limit=7))
    rows = rows_of(tool.ranks("run.db"))
    assert {row["query"] for row in rows} == set(range(7))


# ---- unknown words --------------------------------------------------------------------------


@pytest.fixture
def strange(small, tool):
    """The small run with four lines about strangers among its test triples."""
    words = small.lines("test").splitlines(keepends=True)
    e, r = small.entity_words[0], small.relation_words[0]
    strangers = [f"stranger\t{r}\t{e}\n", f"{e}\t{r}\tstranger\n", f"{e}\tstrange\t{e}\n"]
    test = tool.folder / "strange.txt"
    test.write_text("".join(words[:2] + strangers + words[2:]))
    return small.flags(test=test)


def test_unknown_lines_can_be_dropped(strange, small, tool):
    tool.run("run.db", *strange, "--unknown", "drop")
    rows = rows_of(tool.ranks("run.db"))
    assert {row["query"] for row in rows} == set(range(small.test + 3)) - {2, 3, 4}
    expected = rows_of(small.expected())
    for row in expected:
        row["query"] += 3 * (row["query"] >= 2)
    assert rows == expected


def test_unknown_lines_can_be_ranked_last(strange, small, tool):
    tool.run("run.db", *strange, "--unknown", "keep")
    rows = rows_of(tool.ranks("run.db"))
    strangers = [row for row in rows if row["query"] in (2, 3, 4)]
    assert len(strangers) == 6
    for row in strangers:
        assert row["above"] == row["candidates"] - 1 and row["level"] == 0, row
    expected = rows_of(small.expected())
    for row in expected:
        row["query"] += 3 * (row["query"] >= 2)
    known = [row for row in rows if row not in strangers]
    assert [(row["query"], row["side"], row["above"], row["level"]) for row in known] == \
        [(row["query"], row["side"], row["above"], row["level"]) for row in expected]


# ---- scores that are not numbers ------------------------------------------------------------


def overflowing(small, folder):
    """Weights so large that a score is infinity minus infinity, without any NaN among them."""
    tensors = {name: array.copy() for name, array in small.tensors().items()}
    entity, relation = tensors.values()
    entity[3], relation[:] = 0, 1
    entity[3, 0:2] = numpy.array([3e38, -3e38])
    relation[:, 0:2] = 3e38
    path = folder / "model.safetensors"
    path.write_bytes(safetensors(tensors))
    return path


def test_infinite_query_vectors_end_the_run_by_name(small, tool):
    flags = small.flags(model=overflowing(small, tool.folder))
    message = tool.refuse("run", "--quiet", "--db", "run.db", *flags, code=1)
    for word in (small.folder / "test.txt", "query", "candidate", "nonfinite"):
        assert str(word) in message, message


def test_nonfinite_scores_can_be_ranked_worst(small, tool):
    tool.run("run.db", *small.flags(model=overflowing(small, tool.folder)), "--nonfinite", "worst")
    rows = rows_of(tool.ranks("run.db"))
    assert sum(row["nonfinite"] for row in rows) > 0
    for row in rows:
        assert row["above"] >= 0 and row["above"] + row["level"] < row["candidates"]
    assert tool.report("run.db")["run"]["nonfinite"] == sum(row["nonfinite"] for row in rows)


# ---- how it is run makes no difference ------------------------------------------------------


@pytest.mark.parametrize("how", [
    ["--fast-pass", "none"], ["--fast-pass", "fp32"], ["--threads", 1], ["--threads", 2],
    ["--lanes", 1], ["--lanes", 3], ["--lanes", 100], ["--seed", 5],
    ["--unit-questions", 1], ["--unit-questions", 7, "--unit-candidates", 13],
    ["--unit-candidates", 1], ["--workers", 3, "--unit-questions", 4],
    ["--fast-pass", "none", "--lanes", 2, "--unit-candidates", 11, "--threads", 2],
], ids=lambda how: " ".join(map(str, how)))
def test_one_digest_however_it_is_run(how, tool):
    for made in (MADE["distmult whole"], MADE["rotate"]):
        folder = tool.folder / made.scorer
        folder.mkdir()
        made.write(folder)
        tool.run(f"{made.scorer}.db", *made.flags(), *how)
        assert tool.digest(f"{made.scorer}.db") == made.expected_digest()


@pytest.mark.parametrize("size", [1e-15, 1e-22, 1e-30, 1e15])
@pytest.mark.parametrize("scorer", ["transe_l1", "distmult", "complex", "rotate"])
def test_fast_pass_holds_for_tiny_and_huge_weights(scorer, size, tool):
    """Products of tiny numbers underflow in fp32; the fast pass must then step aside."""
    made = Made(seed=40, scorer=scorer)
    made.entity *= numpy.float32(size)
    if scorer != "rotate":
        made.relation *= numpy.float32(size)
    made.write(tool.folder)
    tool.run("fast.db", *made.flags())
    tool.run("exact.db", *made.flags(), "--fast-pass", "none")
    assert tool.digest("fast.db") == tool.digest("exact.db")


def test_bytes_of_the_made_files_are_what_they_say():
    """Guards the tests' own writer: what numpy reads back is what was made."""
    array = numpy.array([[1.0, -2.5], [0.1, 3e38]], "f4")
    assert numpy.frombuffer(tensor_bytes(array, "F32"), "<f4").tolist() == array.ravel().tolist()
    half = numpy.frombuffer(tensor_bytes(array[:1], "BF16"), "<u2").astype("<u4") << 16
    assert half.view("<f4").tolist() == [1.0, -2.5]
    buffer = io.BytesIO()
    numpy.save(buffer, array)
    assert hashlib.sha256(buffer.getvalue()).hexdigest()
