"""One results digest of `prove`, whoever worked, in whatever order, and whatever died."""
import os
import random
import signal
from pathlib import Path

import pytest

from killing import survive
from tool import BIN, Tool, programs_with, query, units_done, wait_until

ROUNDS = int(os.environ.get("MILLRACE_SOAK") or 12)
SHORT = {"candidates": "sample", "samples": 25}  # 26 searches of a question are enough


@pytest.fixture(scope="module")
def digest(family, tmp_path_factory):
    """The digest that every run of a policy must have; the outcomes are those of test_prove.py."""
    digests = {}

    def digest(policy):
        if policy not in digests:
            tool = Tool(tmp_path_factory.mktemp("digest"))
            tool.run("run.db", *family.flags(policy=policy, **SHORT))
            digests[policy] = tool.digest("run.db", "outcomes")
        return digests[policy]
    return digest


@pytest.mark.parametrize("policy", ["random", "network"])
@pytest.mark.parametrize("how", [
    ["--lanes", 1], ["--lanes", 7], ["--lanes", 64], ["--lanes", 512], ["--lanes", 5000],
    ["--workers", 7], ["--workers", 7, "--lanes", 7, "--unit-items", 50], ["--unit-items", 1],
    ["--unit-items", 50], ["--unit-items", 26], ["--threads", 1], ["--threads", 2],
    ["--threads", 2, "--lanes", 3, "--unit-items", 10], ["--threads", 2, "--workers", 2],
], ids=lambda how: " ".join(map(str, how)))
def test_one_digest_however_it_is_run(how, policy, family, digest, tool):
    tool.run("run.db", *family.flags(policy=policy, **SHORT), *how)
    assert tool.digest("run.db", "outcomes") == digest(policy)


@pytest.mark.parametrize("isa, flags", [
    ("base", []), ("avx2", ["avx2", "fma"]),
    ("avx512", ["avx512f", "avx512bw", "avx512dq", "avx512vl"])])
def test_one_digest_on_every_instruction_set(isa, flags, family, digest, tool):
    has = set(Path("/proc/cpuinfo").read_text().split("flags", 1)[-1].split("\n", 1)[0].split())
    if not has.issuperset(flags):
        pytest.skip(f"this processor has no {isa}")
    tool.run("run.db", *family.flags(policy="network", **SHORT), env={"MILLRACE_ISA": isa})
    assert tool.digest("run.db", "outcomes") == digest("network")


def test_seed_orders_the_work_and_nothing_else(family, digest, tool):
    """With all candidates and a policy that draws nothing."""
    for name, seed in (("one", 0), ("other", 12345678901234567890)):
        tool.run(f"{name}.db", *family.flags(policy="hash", seed=seed, limit=8))
    assert tool.digest("one.db", "outcomes") == tool.digest("other.db", "outcomes")


def test_killing_loses_nothing(family, digest, tool, slowly):
    """Workers and coordinators die at seeded moments; the same command goes on each time."""
    flags = [*family.flags(policy="network", **SHORT), "--unit-items", 40, "--attempts-max", 0]
    survive(tool, flags, random.Random(11), ROUNDS, 0.1, "outcomes", digest("network"), slowly)


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_drains_and_the_run_goes_on(number, code, family, digest, tool, slowly):
    flags = [*family.flags(policy="network", **SHORT), "--unit-items", 40, "--lanes", 16]
    process = tool.start("run", "--quiet", "--db", "run.db", *flags, env=slowly)
    wait_until(lambda: units_done(tool) > 0, process)
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    states = dict(query(tool.folder / "run.db", "select state, count(*) from unit group by state"))
    assert "leased" not in states and states["done"] > 0 and states["ready"] > 0, states
    report = tool.report("run.db")
    assert report["run"]["complete"] is False and report["run"]["results_digest"] is None
    assert report["metrics"]["both"]["realistic"]["count"] == report["run"]["queries_done"]
    tool.run("run.db", *flags)
    assert tool.digest("run.db", "outcomes") == digest("network")


def test_unit_that_crashes_every_worker_is_set_aside(family, digest, tool, odd_worker):
    tool.bin = programs_with(odd_worker, tool.folder / "bin")
    flags = [*family.flags(policy="network", **SHORT), "--unit-items", 40]
    tool.run("run.db", *flags, "--workers", 2, "--attempts-max", 3, code=1,
             env={"MILLRACE_ODD_CRASH": "3"})
    units = query(tool.folder / "run.db", "select unit, state from unit where state <> 'done'")
    assert units == [(3, "failed")]
    tool.bin = BIN
    tool.call("retry", "run.db")
    tool.run("run.db", *flags)
    assert tool.digest("run.db", "outcomes") == digest("network")


def test_plan_then_run(family, digest, tool):
    text = tool.call("plan", "--db", "run.db", *family.flags(policy="network", **SHORT)).stdout
    assert "units" in text and "memory" in text
    message = tool.refuse("export", "run.db", "--what", "outcomes", "--out", "x.tsv", code=1)
    assert "incomplete" in message
    tool.run("run.db")
    assert tool.digest("run.db", "outcomes") == digest("network")


def test_database_of_other_searches_is_refused(family, tool):
    tool.run("run.db", *family.flags(limit=2, depth=5))
    before = (tool.folder / "run.db").read_bytes()
    message = tool.refuse("run", "--quiet", "--db", "run.db",
                          *family.flags(limit=2, depth=6, policy="random"), code=2)
    assert "depth" in message and "policy" in message and "atoms" not in message, message
    assert (tool.folder / "run.db").read_bytes() == before
