"""The commands as people and scripts use them: help, exit codes, names that tools rely on."""
import csv
import hashlib
import io
import json
import os
import re
import signal
import subprocess

import numpy
import pytest

from made import safetensors
from tool import BIN, HERE, Tool, query, rows_of, units_done, wait_until

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


@pytest.mark.parametrize("word", ["--version", "-v", "version"])
def test_version(word, tool):
    assert re.fullmatch(r"millrace \d+\.\d+\.\d+\n", tool.call(word).stdout)


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
    assert f"{2 * small.test:,} of {2 * small.test:,} ranked" in text
    assert "so far" not in text and "holding it up" not in text and "running" not in text


def test_status_of_a_run_at_work_and_of_one_that_was_killed(large, tool, slowly):
    process = tool.start("run", "--quiet", "--db", "run.db", *large.flags(), "--unit-questions", 25,
                         env=slowly)
    wait_until(lambda: units_done(tool) > 0, process)
    text = tool.call("status", "run.db").stdout
    status = json.loads(tool.call("status", "run.db", "--json").stdout)
    assert process.poll() is None, "the run was too short to be followed"
    process.kill()
    process.communicate()
    assert "leased" in text and "a coordinator is working on it" in text
    assert "holding it up" not in text and "go on" not in text and "so far" in text
    assert status["served"] is True and "leased_ms" in status["oldest_lease"]

    text = tool.call("status", "run.db").stdout
    assert "leased" not in text and "eta" not in text and "oldest" not in text
    assert "nothing is running; go on with `millrace run --db run.db`" in text
    status = json.loads(tool.call("status", "run.db", "--json").stdout)
    assert status["oldest_lease"] is None and status["eta_s"] is None
    tool.run("run.db")


def test_watch_ends_with_the_run(run):
    assert run.call("status", "run.db", "--watch").stdout.count(" ranked") == 1


def test_plan_makes_a_database_that_run_goes_on_with(small, tool):
    text = tool.call("plan", "--db", "run.db", *small.flags(), "--unit-questions", 8).stdout
    assert "units" in text and "memory" in text
    status = json.loads(tool.call("status", "run.db", "--json").stdout)
    assert status["units_done"] == 0 and status["queries_total"] == 2 * small.test
    message = tool.refuse("export", "run.db", "--out", "ranks.tsv", code=1)
    assert "incomplete" in message and "--partial" in message
    assert not (tool.folder / "ranks.tsv").exists()
    text = tool.call("status", "run.db").stdout
    assert "nothing is running; go on with `millrace run --db run.db`" in text
    assert "holding it up" not in text and "leased" not in text and "eta" not in text
    report = tool.report("run.db")
    assert report["run"]["complete"] is False and report["run"]["results_digest"] is None
    tool.run("run.db")
    assert tool.digest("run.db") == small.expected_digest()


@pytest.mark.parametrize("words", [["status"], ["report"], ["export", "--out", "-"], ["explain"],
                                   ["explain", "0"], ["retry"]])
def test_database_may_be_given_by_flag(words, run):
    assert run.call(*words, "--db", "run.db").stdout == run.call(words[0], "run.db",
                                                                 *words[1:]).stdout
    assert "unexpected" in run.refuse("status", "run.db", "--db", "run.db", code=2)


def test_run_file_and_database_are_told_apart(run):
    assert "--db run.db" in run.refuse("run", "run.db", code=2)
    (run.folder / "run.yaml").write_text("scorer: distmult\n")
    message = run.refuse("status", "run.yaml", code=2)
    assert "is a run file, not a database" in message and "run.db" in message
    assert "give a run file, or --db of a planned run" in run.refuse("run", code=2)


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
    assert {"pairs", "rescored", "lane_use", "busy_s", "wall_s", "peak_bytes"} <= set(
        inner["work"])
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


def test_incomplete_run_is_exported_only_when_asked_to(small, tool):
    tool.call("plan", "--db", "run.db", *small.flags(), "--unit-questions", 8)
    out = tool.folder / "ranks.tsv"
    out.write_text("old")
    tool.refuse("export", "run.db", "--out", out, code=1)
    assert out.read_text() == "old"
    refused = tool.call("export", "run.db", "--out", "-", code=1)
    assert refused.stdout == ""
    part = tool.call("export", "run.db", "--out", out, "--partial")
    assert "0 of" in part.stderr and "partial" in part.stderr
    assert out.read_text().startswith("query\tside\t") and out.read_text().count("\n") == 1
    assert sorted(p.name for p in tool.folder.glob("ranks*")) == ["ranks.tsv"]


def test_export_that_cannot_be_written(run):
    assert "absent" in run.refuse("export", "run.db", "--out", "absent/ranks.tsv", code=4)
    assert ".tsv" in run.refuse("export", "run.db", "--out", "ranks.xlsx", code=2)


def test_export_does_not_replace_its_database(small, tool):
    tool.run("run.tsv", *small.flags())
    assert "itself" in tool.refuse("export", "run.tsv", "--out", "run.tsv", code=2)
    assert tool.digest("run.tsv") == small.expected_digest()


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


# ---- what a report says of its run ----------------------------------------------------------


def test_report_says_what_was_ranked_how(small, tool):
    text = tool.run("run.db", *small.flags(valid=None), "--sides", "tail", "--limit", 9).stdout
    for line in ("scorer      distmult", "filter      train, test", "sides       tail",
                 "limit       9"):
        assert line in text.splitlines()
    assert "labels of train" not in text and "both" not in text


def test_report_says_that_ids_are_a_guess(small, tool):
    """Without a map nothing else would tell: the model has as many rows as train has labels."""
    text = tool.run("run.db", *small.flags(entities=None)).stdout
    assert "entities    the sorted labels of train; give `entities` if the model" in text
    assert "relations   " not in text


def test_report_of_a_plan_is_a_sentence(small, tool):
    tool.call("plan", "--db", "run.db", *small.flags())
    text = tool.call("report", "run.db").stdout
    assert text.startswith(f"no metrics yet: none of {2 * small.test} queries is done; ")


def test_report_counts_unknown_lines(small, tool):
    path = tool.folder / "test.txt"
    path.write_text(small.lines("test") + "nobody\t" + small.relation_words[0] + "\tnowhere\n")
    for policy, words in (("drop", "1 line dropped"), ("keep", "1 line kept, ranked last")):
        text = tool.run(f"{policy}.db", *small.flags(test=path, unknown=policy)).stdout
        assert f"unknown     {words}" in text.splitlines()
    assert tool.report("drop.db")["run"]["unknown_dropped"] == 1
    assert tool.report("keep.db")["run"]["unknown_kept"] == 1


def test_csv_by_relation_has_the_relation_first(run):
    text = run.call("report", "run.db", "--format", "csv", "--by", "relation").stdout
    assert text.splitlines()[0] == "relation,side,type,metric,value"
    assert text.splitlines()[1].startswith(",head,optimistic,")


def test_explain_tells_of_deaths_without_a_failed_unit(large, tool, slowly):
    process = tool.start("run", "--quiet", "--db", "run.db", *large.flags(), "--unit-questions", 25,
                         env=slowly)
    wait_until(lambda: units_done(tool) > 0, process)
    os.kill(query(tool.folder / "run.db", "select pid from worker")[0][0], signal.SIGKILL)
    process.communicate(timeout=120)
    assert process.returncode == 0
    text = tool.call("explain", "run.db").stdout
    assert text.startswith("no unit has failed; ")
    assert re.search(r"^  \d{4}-\d\d-\d\dT[\d:.]+Z  died +worker 1 \(.+\): ", text, re.M), text


def test_explain_tells_of_input_that_ended_the_run(small, tool):
    """A score that is infinity minus infinity, without any NaN in the model."""
    tensors = {name: array.copy() for name, array in small.tensors().items()}
    entity, relation = tensors.values()
    entity[3], relation[:] = 0, 1
    entity[3, 0:2] = numpy.array([3e38, -3e38])
    relation[:, 0:2] = 3e38
    model = tool.folder / "model.safetensors"
    model.write_bytes(safetensors(tensors))
    message = tool.refuse("run", "--quiet", "--db", "run.db", *small.flags(model=model), code=1)
    text = tool.call("explain", "run.db").stdout
    assert "no unit has failed" in text
    assert re.search(r"^  \S+Z  input +worker 1 ", text, re.M), text
    assert "nonfinite" in message and "nonfinite" in text
