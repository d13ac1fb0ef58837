"""The commands as people and scripts use them: help, exit codes, names that tools rely on."""
import csv
import hashlib
import io
import json
import re
import subprocess

import numpy
import pytest

from tool import BIN, HERE, Tool, query, rows_of

COMMANDS = ["run", "plan", "serve", "status", "report", "export", "explain", "retry"]


@pytest.fixture(scope="module")
def run(small, tmp_path_factory):
    """A complete run, for commands that only read."""
    tool = Tool(tmp_path_factory.mktemp("run"))
    tool.run("run.db", *small.flags(), "--unit-questions", 8)
    return tool


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples(command, tool):
    text = tool.call(command, "--help").stdout
    assert text.startswith(f"millrace {command}")
    assert re.search(rf"^  millrace {command} ", text.split("Examples:")[1], re.M)


def test_help_of_run_has_every_setting(tool):
    text = tool.call("run", "--help").stdout
    rows = (HERE.parents[1] / "schema" / "run.def").read_text()
    settings = re.findall(r"^SETTING\((\w+),", rows, re.M)
    assert len(settings) > 20
    for name in settings:
        assert "--" + name.replace("_", "-") in text


def test_help_lists_all_commands(tool):
    text = tool.call("--help").stdout
    for command in COMMANDS:
        assert f"\n  {command} " in text


def test_version(tool):
    assert re.fullmatch(r"millrace \d+\.\d+\.\d+\n", tool.call("--version").stdout)


@pytest.mark.parametrize("words", [["rnu"], ["status"], ["status", "a", "b"], ["report", "--foo"],
                                   ["export", "run.db"], ["run", "--workers"]])
def test_bad_usage(words, run):
    run.refuse(*words, code=2)


def test_misspelt_command_is_corrected(tool):
    assert "status" in tool.refuse("statsu", code=2)


def test_no_command_shows_the_help(tool):
    assert "usage:" in tool.call().stdout


# ---- status ---------------------------------------------------------------------------------


def test_status_json_has_the_names_of_the_view(run):
    names = [row[1] for row in query(run.folder / "run.db", "pragma table_info(progress)")]
    assert names == ["units_total", "units_done", "units_leased", "units_failed", "queries_total",
                     "queries_done", "rate_per_s", "eta_s", "mrr"]
    status = json.loads(run.call("status", "run.db", "--json").stdout)
    values = query(run.folder / "run.db", "select * from progress")[0]
    for name, value in zip(names, values):
        assert status[name] == pytest.approx(value), name
    assert status["units_done"] == status["units_total"] > 1


def test_status_for_people(run, small):
    text = run.call("status", "run.db").stdout
    assert str(2 * small.test) in text


def test_plan_makes_a_database_that_run_goes_on_with(small, tool):
    text = tool.call("plan", "--db", "run.db", *small.flags(), "--unit-questions", 8).stdout
    assert "units" in text and "memory" in text
    status = json.loads(tool.call("status", "run.db", "--json").stdout)
    assert status["units_done"] == 0 and status["queries_total"] == 2 * small.test
    message = tool.refuse("export", "run.db", "--out", "ranks.tsv", code=1)
    assert "incomplete" in message
    report = tool.report("run.db")
    assert report["run"]["complete"] is False and report["run"]["results_digest"] is None
    tool.run("run.db")
    assert tool.digest("run.db") == small.expected_digest()


def test_run_file_is_as_good_as_flags(small, tool):
    names = [*small.splits, "entities", "relations"]
    lines = [f"{name}: {small.flags()[2 * i + 1]}\n" for i, name in enumerate(names)]
    path = tool.folder / "small.yaml"
    path.write_text("".join(lines) + f"model: {small.folder}/model.safetensors\n"
                    "scorer: transe_l1  # a flag wins\nsides: [tail, head]\n")
    tool.call("run", path, "--quiet", "--scorer", "distmult")
    assert tool.digest("small.db") == small.expected_digest()


def test_paths_of_a_run_file_are_relative_to_it(small, tool):
    folder = tool.folder / "conf"
    folder.mkdir()
    (tool.folder / "data").symlink_to(small.folder)
    names = {**{s: f"{s}.txt" for s in small.splits}, "entities": "entities.tsv",
             "relations": "relations.tsv", "model": "model.safetensors"}
    (folder / "run.yaml").write_text("".join(f"{key}: ../data/{name}\n"
                                             for key, name in names.items()) + "scorer: distmult\n")
    tool.call("run", "conf/run.yaml", "--quiet")
    assert tool.digest("conf/run.db") == small.expected_digest()


# ---- report ---------------------------------------------------------------------------------


def test_report_json_has_the_nesting_of_pykeen(run, small):
    report = run.report("run.db")
    assert set(report) == {"metrics", "run"}
    assert set(report["metrics"]) == {"head", "tail", "both"}
    for types in report["metrics"].values():
        assert set(types) == {"optimistic", "realistic", "pessimistic"}
    names = set(report["metrics"]["both"]["realistic"])
    assert {"inverse_harmonic_mean_rank", "arithmetic_mean_rank", "hits_at_1", "hits_at_10",
            "adjusted_arithmetic_mean_rank_index", "z_hits_at_3", "median_absolute_deviation",
            "adjusted_geometric_mean_rank_index"} <= names
    inner = report["run"]
    assert {"settings", "inputs", "run_digest", "results_digest", "complete", "units_done",
            "units_total", "nonfinite", "ties", "class", "work"} <= set(inner)
    assert set(inner["work"]) == {"pairs", "rescored", "lane_use", "busy_s", "wall_s",
                                  "peak_bytes"}
    assert inner["complete"] is True and inner["class"] == "exact"
    assert inner["results_digest"] == small.expected_digest()
    assert inner["settings"]["scorer"] == "distmult"
    for role, path in (("model", "model.safetensors"), ("test", "test.txt")):
        digest = hashlib.sha256((small.folder / path).read_bytes()).hexdigest()
        assert inner["inputs"][role] == digest
    assert inner["work"]["pairs"] > 0 and inner["work"]["wall_s"] > 0
    assert 0 < inner["work"]["lane_use"] <= 1 and inner["work"]["peak_bytes"] > 1 << 20


def realistic(row):
    return row["above"] + 1 + row["level"] / 2


def test_report_by_relation_and_side(run, small):
    report = run.report("run.db", "--by", "side,relation", "--hits", "2,4")
    groups = report["by"]["relation"]
    rows = rows_of(run.ranks("run.db"))
    assert set(groups) == {row["relation"] for row in rows}
    for label, group in groups.items():
        ranks = [realistic(row) for row in rows if row["relation"] == label
                 and row["side"] == "tail"]
        metrics = group["tail"]["realistic"]
        assert metrics["count"] == len(ranks)
        assert metrics["arithmetic_mean_rank"] == pytest.approx(sum(ranks) / len(ranks))
        assert metrics["hits_at_4"] == pytest.approx(sum(r <= 4 for r in ranks) / len(ranks))
        assert "hits_at_3" not in metrics
    assert report["by"]["side"]["head"] == report["metrics"]["head"]


def test_report_as_csv_says_the_same(run):
    report = run.report("run.db")
    text = run.call("report", "run.db", "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == ["side", "type", "metric", "value"]
    for row in rows:
        value = report["metrics"][row["side"]][row["type"]][row["metric"]]
        assert (value is None) == (row["value"] == "")
        if value is not None:
            assert float(row["value"]) == value
    text = run.call("report", "run.db", "--format", "csv", "--by", "relation").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["relation"] for row in rows} == \
        {""} | {row["relation"] for row in rows_of(run.ranks("run.db"))}


def test_report_for_people(run):
    text = run.call("report", "run.db", "--by", "relation").stdout
    report = run.report("run.db")
    mrr = report["metrics"]["both"]["realistic"]["inverse_harmonic_mean_rank"]
    assert f"{mrr:.6f}" in text
    assert report["run"]["results_digest"] in text
    assert "% of queries" in text and "relation" in text


def test_run_reports_as_json_too(run, small):
    text = run.call("run", "--db", "run.db", *small.flags(), "--json", "--quiet").stdout
    assert json.loads(text)["run"]["complete"] is True


def test_unknown_format_is_refused(run):
    assert "json" in run.refuse("report", "run.db", "--format", "jsn", code=2)
    assert "relation" in run.refuse("report", "run.db", "--by", "relations", code=2)


# ---- export ---------------------------------------------------------------------------------


def test_exports_hold_the_same(run, small):
    tsv = run.ranks("run.db")
    assert tsv == small.expected()
    run.call("export", "run.db", "--what", "ranks", "--out", "ranks.csv")
    text = (run.folder / "ranks.csv").read_text()
    assert [",".join(row) for row in csv.reader(io.StringIO(text))] == \
        tsv.decode().replace("\t", ",").splitlines()


def test_npy_export_is_a_plain_array(run):
    run.call("export", "run.db", "--out", "ranks.npy")
    array = numpy.load(run.folder / "ranks.npy", allow_pickle=False)
    rows = rows_of(run.ranks("run.db"))
    assert array.dtype.names == ("query", "side", "above", "level", "candidates", "filtered",
                                 "nonfinite")
    assert [row["side"].decode() for row in array] == [row["side"] for row in rows]
    for name in set(array.dtype.names) - {"side"}:
        assert array[name].tolist() == [row[name] for row in rows], name


def test_export_that_cannot_be_written(run):
    assert "absent" in run.refuse("export", "run.db", "--out", "absent/ranks.tsv", code=4)
    assert ".tsv" in run.refuse("export", "run.db", "--out", "ranks.xlsx", code=2)


def test_full_output_is_an_error(run):
    with open("/dev/full", "w") as full:
        code = subprocess.run([BIN / "millrace", "report", run.folder / "run.db"], stdout=full,
                              stderr=subprocess.DEVNULL).returncode
    assert code == 4


# ---- explain, retry -------------------------------------------------------------------------


def test_explain_tells_who_did_a_unit(run):
    text = run.call("explain", "run.db", 0).stdout
    assert "done" in text
    assert "999" in run.refuse("explain", "run.db", 999, code=2)


def test_retry_of_a_run_without_failures(run):
    assert run.call("retry", "run.db").stdout
