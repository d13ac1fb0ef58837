"""One results digest, whoever worked and whatever died; and a run that goes on where it stood.

MILLRACE_SOAK=N makes N rounds of killing instead of the usual ones.
"""
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from killing import survive
from tool import (BIN, Tool, children, kill, programs_with, progress, query, units_done,
                  wait_until)

ROUNDS = int(os.environ.get("MILLRACE_SOAK") or 50)
UNITS = {"one unit": [], "rows": ["--unit-questions", 100],
         "rows and columns": ["--unit-questions", 300, "--unit-candidates", 700]}


@pytest.fixture(scope="module")
def digest(large, tmp_path_factory):
    """The digest that every run on the large data must have."""
    tool = Tool(tmp_path_factory.mktemp("digest"))
    tool.run("run.db", *large.flags(), "--threads", 2)
    return tool.digest("run.db")


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("units", UNITS)
@pytest.mark.parametrize("workers", [1, 2, 7])
def test_one_digest_for_any_workers(workers, units, threads, small, tool):
    smaller = [str(int(w) // 10) if str(w).isdigit() else w for w in map(str, UNITS[units])]
    tool.run("run.db", *small.flags(), *smaller, "--workers", workers, "--threads", threads)
    assert tool.digest("run.db") == small.expected_digest()


# ---- killing --------------------------------------------------------------------------------


def test_killing_loses_nothing(large, digest, tool, slowly):
    """Workers and coordinators die at seeded moments; the same command goes on each time."""
    flags = [*large.flags(), "--unit-questions", 25, "--unit-candidates", 2000, "--attempts-max", 0]
    survive(tool, flags, random.Random(7), ROUNDS, 0.02, "ranks", digest, slowly)


def test_workers_end_with_their_coordinator(large, tool, slowly):
    process = tool.start("run", "--quiet", "--db", "run.db", *large.flags(), "--workers", 2,
                         "--unit-questions", 25, env=slowly)
    wait_until(lambda: len(children(process.pid)) >= 2, process)
    workers = children(process.pid)
    assert len(workers) >= 2
    kill(process.pid)
    process.communicate()
    end = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() and
              " Z " not in Path(f"/proc/{pid}/stat").read_text() for pid in workers):
        assert time.monotonic() < end, "workers outlive their coordinator"
        time.sleep(0.02)


# ---- signals --------------------------------------------------------------------------------


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_drains_and_the_run_goes_on(number, code, large, digest, tool, slowly):
    flags = [*large.flags(), "--unit-questions", 25]
    process = tool.start("run", "--quiet", "--db", "run.db", *flags, env=slowly)
    wait_until(lambda: units_done(tool) > 0, process)
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert err.splitlines()[-1].startswith("millrace: run: ") and "run.db" in err, err
    states = dict(query(tool.folder / "run.db", "select state, count(*) from unit group by state"))
    assert "leased" not in states and states["done"] > 0 and states["ready"] > 0, states
    tool.run("run.db", *flags)
    assert tool.digest("run.db") == digest


def test_ctrl_c_at_a_terminal_reaches_workers_too(large, digest, tool, slowly):
    """A terminal sends SIGINT to the whole group: the workers must leave draining to their
    coordinator."""
    flags = [*large.flags(), "--unit-questions", 25]
    process = tool.start("run", "--quiet", "--db", "run.db", *flags, env=slowly)
    wait_until(lambda: units_done(tool) > 0, process)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    ends = query(tool.folder / "run.db", "select distinct outcome from attempt")
    assert ends == [("done",)], "a unit in work was not finished"
    tool.run("run.db", *flags)
    assert tool.digest("run.db") == digest


def test_second_signal_does_not_wait(small, tool, slowly):
    flags = [*small.flags(), "--unit-questions", 8]
    process = tool.start("run", "--quiet", "--db", "run.db", *flags,
                         env={"MILLRACE_ODD_SLEEP_MS": "60000"})
    wait_until(lambda: progress(tool, "units_leased") > 0, process)
    os.kill(process.pid, signal.SIGINT)
    assert "once more" in process.stderr.readline()
    time.sleep(0.6)  # an earlier one would be taken for an echo of the first
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    tool.run("run.db", *flags)
    assert tool.digest("run.db") == small.expected_digest()


# ---- following ------------------------------------------------------------------------------


def test_sqlite_shell_follows_a_run(large, digest, tool, slowly):
    process = tool.start("run", "--quiet", "--db", "run.db", *large.flags(), "--unit-questions", 25,
                         env=slowly)
    wait_until(lambda: units_done(tool) > 0, process)
    seen = subprocess.run(["sqlite3", "-readonly", "-header", "run.db", "select * from progress"],
                          cwd=tool.folder, capture_output=True, text=True)
    status = tool.call("status", "run.db").stdout
    report = tool.report("run.db")
    assert process.poll() is None, "the run was too short to be followed"
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert seen.returncode == 0 and seen.stdout.startswith("units_total|units_done|"), seen
    assert "units" in status
    assert report["run"]["complete"] is False
    assert report["metrics"]["both"]["realistic"]["count"] == report["run"]["queries_done"] > 0
    assert tool.digest("run.db") == digest


def test_complete_run_reports_without_workers(small, tool):
    tool.run("run.db", *small.flags())
    before = query(tool.folder / "run.db", "select count(*) from worker")
    tool.bin = programs_with("/bin/false", tool.folder / "bin")
    result = tool.run("run.db", *small.flags())
    assert "MRR" in result.stdout
    assert query(tool.folder / "run.db", "select count(*) from worker") == before


def test_workers_from_elsewhere(large, digest, tool, slowly):
    """serve and millrace-worker, as two machines would; here through a socket of this one."""
    tool.call("plan", "--db", "run.db", *large.flags(), "--unit-questions", 25)
    socket = f"ipc://{tool.folder}/socket"
    process = tool.start("serve", "run.db", "--bind", socket, "--quiet")
    workers = [subprocess.Popen([tool.bin / "millrace-worker", "--connect", socket, "--threads",
                                 "1", "--name", name],
                                env={**os.environ, **slowly, "MILLRACE_ODD_SLEEP_MS": "50"},
                                stderr=subprocess.PIPE, text=True) for name in ("one", "two")]
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    for worker in workers:
        _, err = worker.communicate(timeout=60)
        assert worker.returncode == 0, err
    names = query(tool.folder / "run.db", "select name from worker where units > 0 order by 1")
    assert names == [("one",), ("two",)]
    assert not (tool.folder / "run.db.endpoint").exists()
    assert tool.digest("run.db") == digest


# ---- units that fail ------------------------------------------------------------------------


def test_unit_that_crashes_every_worker_is_set_aside(small, tool, odd_worker):
    tool.bin = programs_with(odd_worker, tool.folder / "bin")
    flags = [*small.flags(), "--unit-questions", 8]
    result = tool.run("run.db", *flags, "--workers", 2, "--attempts-max", 3, code=1,
                      env={"MILLRACE_ODD_CRASH": "3"})
    errors = [line for line in result.stderr.splitlines() if line.startswith("millrace: ")]
    assert len(errors) == 1 and "3" in errors[0] and "explain" in errors[0], result.stderr
    units = query(tool.folder / "run.db", "select unit, state from unit where state <> 'done'")
    assert units == [(3, "failed")]
    tool.bin = BIN
    text = tool.call("explain", "run.db", 3).stdout
    assert "failed" in text and "signal" in text, text
    assert "3" in tool.call("explain", "run.db").stdout
    report = tool.report("run.db")
    assert report["run"]["complete"] is False and report["run"]["units_failed"] == 1

    tool.call("retry", "run.db")
    tool.run("run.db", *flags)
    assert tool.digest("run.db") == small.expected_digest()


def test_slow_unit_is_given_to_another_worker(small, tool, slowly):
    """A worker that is stopped in the middle keeps nothing: its lease runs out."""
    flags = [*small.flags(), "--unit-questions", 8, "--lease-s", 1]
    process = tool.start("run", "--quiet", "--db", "run.db", *flags, "--workers", 2, env=slowly)
    wait_until(lambda: units_done(tool) > 0, process)
    stopped = children(process.pid)[:1]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        out, err = process.communicate(timeout=60)
    finally:
        for pid in stopped:
            kill(pid)
    assert process.returncode == 0, err
    assert tool.digest("run.db") == small.expected_digest()


def test_input_that_changes_under_a_run_ends_it(small, tool, slowly):
    """Workers read mapped files to the last unit: what they read must be what was digested."""
    model = tool.folder / "changing.safetensors"
    model.write_bytes((small.folder / "model.safetensors").read_bytes())
    process = tool.start("run", "--quiet", "--db", "run.db", *small.flags(model=model),
                         "--unit-questions", 8, env=slowly)
    wait_until(lambda: units_done(tool) > 0, process)
    with open(model, "r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(b"\0\0\0\0")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 3 and "changed" in err and str(model) in err, err
    assert tool.report("run.db")["run"]["complete"] is False


def test_closed_output_leaves_the_database_whole(small, tool):
    flags = ["run", "--quiet", "--db", "run.db", *small.flags()]
    for _ in range(2):
        subprocess.run([str(word) for word in [tool.bin / "millrace", *flags]], cwd=tool.folder,
                       preexec_fn=lambda: (os.close(1), os.close(2)), check=True)
    assert tool.digest("run.db") == small.expected_digest()
