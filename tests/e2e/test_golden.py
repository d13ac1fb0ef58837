"""Every model of the real data, query by query, against an independent program's ranks."""
import json
from pathlib import Path

import pytest

from tool import rows_of

MODELS = ["codex_s_complex", "kinships_complex", "kinships_rotate", "nations_complex",
          "nations_transe", "nations_transe_int", "umls_complex", "umls_complex_int",
          "umls_distmult", "umls_distmult_int", "umls_rotate", "umls_transe", "umls_transe_int",
          "wn18rr_complex", "wn18rr_complex_int"]
SCORERS = {"transe": "transe_l1", "distmult": "distmult", "complex": "complex",
           "rotate": "rotate"}
METRICS = {"MRR": "inverse_harmonic_mean_rank", "MR": "arithmetic_mean_rank",
           "Hits@1": "hits_at_1", "Hits@3": "hits_at_3", "Hits@10": "hits_at_10"}


def flags_of(data, name):
    dataset = name.split("_")[0] if not name.startswith("codex_s") else "codex_s"
    scorer = name[len(dataset) + 1:].removesuffix("_int")
    graph, model = data / "kg" / dataset, data / "models" / name
    return ["--train", graph / "train.txt", "--valid", graph / "valid.txt", "--test",
            graph / "test.txt", "--entities", model / "entity2id.tsv", "--relations",
            model / "relation2id.tsv", "--model", model / "model.safetensors", "--scorer",
            SCORERS[scorer]]


def oracle_ranks(path: Path):
    side = {"h": "head", "t": "tail"}
    lines = [line.split("\t") for line in path.read_text().splitlines()[1:]]
    return {(int(query), side[s]): (int(best), int(worst), int(candidates))
            for query, s, best, worst, candidates in lines}


@pytest.mark.parametrize("name", MODELS)
def test_ranks_and_metrics_equal_the_oracle(name, data, tool):
    folder = data / "models" / name
    tool.run("run.db", *flags_of(data, name), "--workers", 2, "--threads", 1)

    rows = rows_of(tool.ranks("run.db"))
    ours = {(row["query"], row["side"]): (row["above"] + 1, row["above"] + row["level"] + 1,
                                          row["candidates"]) for row in rows}
    theirs = oracle_ranks(folder / "ranks_test.tsv")
    assert ours.keys() == theirs.keys()
    different = [key for key in theirs if ours[key] != theirs[key]]
    assert not different, [(key, ours[key], theirs[key]) for key in different[:10]]

    oracle = json.loads((folder / "oracle_test.json").read_text())
    report = tool.report("run.db")
    for side in ("head", "tail", "both"):
        for theirs_name, ours_name in METRICS.items():
            want = oracle[side][theirs_name]
            got = report["metrics"][side]["realistic"][ours_name]
            assert got == pytest.approx(want, rel=1e-12), (side, ours_name)
    tied = sum(row["level"] > 0 for row in rows)
    assert report["run"]["ties"] == pytest.approx(tied / len(rows), rel=1e-12)
    assert tied == oracle["ties"]
    assert report["run"]["complete"] is True
