"""The demo of proof search (ops/countries): its data, and its run beside what the trainer measured
with a search and a network of its own."""
import hashlib
import json
import shutil
import subprocess

import pytest

from tool import HERE

COUNTRIES = HERE.parents[1] / "ops" / "countries"
EXPECTED = json.loads((COUNTRIES / "expected.json").read_text())
FILES = ("facts", "train", "valid", "test", "domains", "depths")


@pytest.fixture(scope="session")
def graph(tmp_path_factory):
    folder = tmp_path_factory.mktemp("countries")
    subprocess.run(["/usr/bin/python3", COUNTRIES / "graph", folder], check=True,
                   stdout=subprocess.DEVNULL)
    return folder


def flags(graph, policy):
    words = [word for name in FILES for word in (f"--{name}", graph / f"{name}.txt")]
    words += ["--program", "prove", "--rules", COUNTRIES / "rules.txt", "--policy", policy]
    return words + (["--model", COUNTRIES / "model.safetensors"] if policy == "network" else [])


def test_the_data_are_those_that_the_model_was_trained_on(graph):
    paths = [graph / name for name in EXPECTED["sha256"] if (graph / name).exists()]
    paths += [COUNTRIES / name for name in ("model.safetensors", "rules.txt")]
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    assert found == EXPECTED["sha256"]


def test_a_border_that_stands_at_one_end_only_is_refused(tmp_path):
    for name in ("graph", "search.py", "rules.txt"):
        shutil.copy(COUNTRIES / name, tmp_path)
    world = (COUNTRIES / "world.txt").read_text()
    assert "  portugal: spain\n" in world
    (tmp_path / "world.txt").write_text(world.replace("  portugal: spain\n", "  portugal:\n"))
    result = subprocess.run(["/usr/bin/python3", tmp_path / "graph", tmp_path / "out"],
                            capture_output=True, text=True)
    assert result.returncode == 1
    assert "spain borders portugal, but not the other way" in result.stderr


def error_without_reader(*command):
    """What a script writes to stderr when nobody reads what it prints."""
    process = subprocess.Popen(["/usr/bin/python3", *command], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    process.stdout.close()
    return process.communicate()[1]


def test_a_reader_that_stops_early_gets_the_data_made_without_a_traceback(tmp_path):
    assert error_without_reader(COUNTRIES / "graph", tmp_path) == b""
    assert len((tmp_path / "depths.txt").read_text().splitlines()) == 48


def test_a_reader_that_stops_early_gets_the_model_measured_without_a_traceback(graph, tmp_path):
    shutil.copy(COUNTRIES / "model.safetensors", tmp_path)
    command = [COUNTRIES / "train", graph, "--evaluate", "--out", tmp_path]
    assert error_without_reader(*command) == b""
    found = json.loads((tmp_path / "expected.json").read_text())
    assert found["sha256"] == EXPECTED["sha256"]


def test_no_fact_tells_where_a_test_country_lies(graph):
    asked = {line.split("(")[1].split(",")[0]
             for line in (graph / "test.txt").read_text().splitlines()}
    placed = {line.split("(")[1].split(",")[0]
              for line in (graph / "facts.txt").read_text().splitlines() if line.startswith("in")}
    assert len(asked) == 24 and not asked & placed


@pytest.mark.parametrize("policy", ["network", "first", "hash"])
def test_the_metrics_are_those_that_the_trainer_measured(tool, graph, policy):
    tool.run("run.db", *flags(graph, policy))
    report = tool.report("run.db", "--by", "relation")
    for side, predicates in EXPECTED["policy"][policy].items():
        for predicate, expected in predicates.items():
            found = report["metrics"] if predicate == "all" else report["by"]["relation"][predicate]
            for name, value in expected.items():
                if not name.startswith("proved"):
                    assert found[side]["realistic"][name] == pytest.approx(value, abs=1e-9), \
                        (side, predicate, name)
        for which, atoms in report["proofs"][side].items():
            if which in ("true", "false"):
                share = predicates["all"][f"proved_{which}"]
                assert atoms["success_rate"] == pytest.approx(share), (side, which)


def test_the_network_is_better_than_the_policies_without_one():
    def mrr(policy):
        return EXPECTED["policy"][policy]["both"]["all"]["inverse_harmonic_mean_rank"]
    assert mrr("network") > mrr("hash") + 0.2 and mrr("network") > mrr("first") + 0.2
