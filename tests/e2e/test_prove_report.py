"""Ranks and figures of `prove`, each recomputed from the exported outcomes by a few lines here."""
import csv
import io
from collections import defaultdict

import numpy
import pytest

from prove_reference import Items
from tool import Tool, rows_of

# Name -> (policy, flags); the outcomes themselves are checked by test_prove.py.
RUNS = {
    "both sides": ("network", {}),
    "joint": ("network", {"mode": "both"}),
    "joint samples": ("random", {"mode": "both", "samples": 15}),
    "samples": ("random", {"samples": 9}),
    "heads by domain": ("random", {"mode": "head", "domains": True}),
    "many ties": ("hash", {}),
}


@pytest.fixture(scope="module")
def run_of(family, tmp_path_factory):
    """(tool, outcomes, ranks, report) of a complete run of RUNS."""
    runs = {}

    def run_of(name):
        if name not in runs:
            policy, flags = RUNS[name]
            if flags.get("domains"):
                flags = flags | {"domains": family.folder / "domains.txt"}
            if "samples" in flags:
                flags = flags | {"candidates": "sample"}
            tool = Tool(tmp_path_factory.mktemp("report"))
            tool.run("run.db", *family.flags(policy=policy, depths=family.folder / "depths.txt",
                                             **flags))
            runs[name] = (tool, rows_of(tool.export("run.db", "outcomes")),
                          rows_of(tool.ranks("run.db")),
                          tool.report("run.db", "--by", "side,relation,depth"))
        return runs[name]
    return run_of


def score(row):
    """The log-probability's nine digits are those of one fp32 number."""
    return float(numpy.float32(row["logprob"])) + (0 if row["proved"] else -100)


def lists_of(outcomes):
    lists = defaultdict(list)
    for row in outcomes:
        lists[row["query"], row["side"]].append(row)
    return lists


@pytest.mark.parametrize("name", RUNS)
def test_ranks_follow_from_the_outcomes(name, family, run_of):
    tool, outcomes, ranks, report = run_of(name)
    flags = {key: value for key, value in RUNS[name][1].items() if key != "domains"}
    theory = family.theory_with(domains=family.folder / "domains.txt") \
        if "domains" in RUNS[name][1] else family.theory
    filtered = Items(theory, **flags).filtered()
    lists = lists_of(outcomes)
    assert [(row["query"], row["side"]) for row in ranks] == list(lists) == list(filtered)
    for row in ranks:
        true, *others = lists[row["query"], row["side"]]
        assert true["candidate"] == 0
        assert [row[key] for key in ("head", "relation", "tail")] == \
            [true[key] for key in ("head", "relation", "tail")]
        assert row["above"] == sum(score(other) > score(true) for other in others)
        assert row["level"] == sum(score(other) == score(true) for other in others)
        assert row["candidates"] == 1 + len(others)
        assert row["filtered"] == filtered[row["query"], row["side"]]
        assert row["nonfinite"] == 0


def test_ties_are_among_them(run_of):
    assert any(row["level"] > 0 for row in run_of("many ties")[2])
    assert run_of("many ties")[3]["run"]["ties"] > 0
    assert run_of("both sides")[3]["run"]["complete"] is True


# ---- metrics --------------------------------------------------------------------------------

RANKS = {"optimistic": lambda row: row["above"] + 1,
         "pessimistic": lambda row: row["above"] + row["level"] + 1,
         "realistic": lambda row: row["above"] + 1 + row["level"] / 2}


def assert_metrics(nest, rows):
    for side in ("head", "tail", "both"):
        of_side = [row for row in rows if side == "both" or row["side"] == side]
        for kind, rank in RANKS.items():
            got, ranks = nest[side][kind], numpy.array([rank(row) for row in of_side], float)
            assert got["count"] == len(ranks)
            want = {"inverse_harmonic_mean_rank": (1 / ranks).mean(),
                    "arithmetic_mean_rank": ranks.mean(), "median_rank": numpy.median(ranks),
                    **{f"hits_at_{k}": (ranks <= k).mean() for k in (1, 3, 10)}} \
                if len(ranks) else {"inverse_harmonic_mean_rank": None, "hits_at_1": None}
            for name, value in want.items():
                assert got[name] == (value if value is None else pytest.approx(value, rel=1e-12)), \
                    (side, kind, name)


@pytest.mark.parametrize("name", RUNS)
def test_metrics_are_those_of_the_ranks(name, family, run_of):
    tool, outcomes, ranks, report = run_of(name)
    assert_metrics(report["metrics"], ranks)
    relations = report["by"]["relation"]
    assert set(relations) == {row["relation"] for row in ranks}
    for relation, nest in relations.items():
        assert_metrics(nest, [row for row in ranks if row["relation"] == relation])
    depths = report["by"]["depth"]
    assert set(depths) == {depth_of(family, row) for row in ranks}
    for depth, nest in depths.items():
        assert_metrics(nest, [row for row in ranks if depth_of(family, row) == depth])


def depth_of(family, row):
    return str(family.labels().get(row["query"], "none"))


# ---- proofs ---------------------------------------------------------------------------------


def average_precision(rows):
    """As scikit-learn has it: the sum of (R_n - R_n-1) P_n over distinct scores, descending."""
    scores = numpy.array([score(row) for row in rows])
    true = numpy.array([row["candidate"] == 0 for row in rows])
    if not true.any():
        return None
    total = recall = 0.0
    for threshold in sorted(set(scores), reverse=True):
        found = scores >= threshold
        precision = true[found].mean()
        total += (true[found].sum() / true.sum() - recall) * precision
        recall = true[found].sum() / true.sum()
    return total


def test_average_precision_of_a_worked_example():
    """That of scikit-learn's documentation: y = 0 0 1 1, scores 0.1 0.4 0.35 0.8."""
    rows = [{"candidate": 1 - y, "logprob": value, "proved": 1}
            for y, value in zip((0, 0, 1, 1), (0.1, 0.4, 0.35, 0.8))]
    assert average_precision(rows) == pytest.approx(0.8333333333)


def assert_proofs(proofs, outcomes):
    for side in ("head", "tail", "both"):
        rows = [row for row in outcomes if side == "both" or row["side"] == side]
        for kind, some in (("true", [row for row in rows if row["candidate"] == 0]),
                           ("false", [row for row in rows if row["candidate"] > 0])):
            got, proved = proofs[side][kind], sum(row["proved"] for row in some)
            assert (got["count"], got["proved"]) == (len(some), proved)
            assert got["success_rate"] == (pytest.approx(proved / len(some)) if some else None)
            assert got["mean_depth"] == \
                (pytest.approx(sum(row["depth"] for row in some) / len(some)) if some else None)
        want = average_precision(rows)
        assert proofs[side]["auc_pr"] == (want and pytest.approx(want, rel=1e-12)), side


@pytest.mark.parametrize("name", RUNS)
def test_proofs_are_those_of_the_outcomes(name, family, run_of):
    tool, outcomes, ranks, report = run_of(name)
    assert_proofs(report["proofs"], outcomes)
    for relation, nest in report["by"]["relation"].items():
        assert_proofs(nest["proofs"], [row for row in outcomes if row["relation"] == relation])
    for depth, nest in report["by"]["depth"].items():
        assert_proofs(nest["proofs"], [row for row in outcomes if depth_of(family, row) == depth])


# ---- forms ----------------------------------------------------------------------------------


def test_csv_has_the_same_numbers(run_of):
    tool, outcomes, ranks, report = run_of("both sides")
    lines = list(csv.DictReader(io.StringIO(
        tool.call("report", "run.db", "--format", "csv").stdout)))
    values = {(line["side"], line["type"], line["metric"]): line["value"] for line in lines}
    for side, nest in report["proofs"].items():
        for kind in ("true", "false"):
            for metric, value in nest[kind].items():
                assert float(values[side, kind, metric]) == pytest.approx(value)
        assert float(values[side, "all", "auc_pr"]) == pytest.approx(nest["auc_pr"])


def test_table_is_for_people(run_of):
    tool, outcomes, ranks, report = run_of("both sides")
    text = tool.call("report", "run.db", "--by", "relation,depth").stdout
    for word in ("MRR", "proved", "AUC-PR", "grand", "none"):
        assert word in text, text


def test_other_forms_of_the_export(run_of):
    tool, outcomes, ranks, report = run_of("joint samples")
    for name in ("o.csv", "o.npy"):
        tool.call("export", "run.db", "--what", "outcomes", "--out", name)
    lines = list(csv.DictReader((tool.folder / "o.csv").read_text().splitlines()))
    array = numpy.load(tool.folder / "o.npy")
    assert len(lines) == len(array) == len(outcomes)
    for line, record, row in zip(lines, array, outcomes):
        assert set(line) == set(row)
        assert [line["head"], line["tail"], line["end"]] == [row["head"], row["tail"], row["end"]]
        assert int(line["digest"], 16) == int(record["digest"], 16) == row["digest"]
        assert record["end"].decode() == row["end"] and record["side"] == b"both"
        for name in ("query", "candidate", "proved", "depth"):
            assert int(line[name]) == record[name] == row[name]
        assert numpy.float32(line["logprob"]) == record["logprob"] == numpy.float32(row["logprob"])
