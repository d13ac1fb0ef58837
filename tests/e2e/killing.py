"""Rounds of kill -9 over coordinator and workers, at seeded moments."""
import signal
import time

from tool import children, kill, query, units_done


def survive(tool, flags, dice, rounds, first_pause_s, what, digest, env):
    """The same command goes on each time, with other workers, threads and lanes: no unit is lost,
    and each time it is complete, and at the end, the results have this digest."""
    workers_killed = runs_killed = resumed = done_before = 0
    for round in range(rounds):
        resumed += done_before > 0
        how = ["--workers", dice.choice([1, 2, 3]), "--threads", dice.choice([1, 2]),
               "--lanes", dice.choice([0, 5, 16])]
        process = tool.start("run", "--quiet", "--db", "run.db", *flags, *how, env=env)
        time.sleep(dice.uniform(first_pause_s, 0.5))
        for _ in range(dice.choice([0, 1, 2])):
            living = children(process.pid)
            if living:
                kill(dice.choice(living))
                workers_killed += 1
            time.sleep(dice.uniform(0, 0.05))
        if process.poll() is None and round % 5 != 4:
            kill(process.pid)
            runs_killed += 1
        out, err = process.communicate(timeout=120)
        assert process.returncode in (0, -signal.SIGKILL), err
        if (tool.folder / "run.db").exists():
            assert query(tool.folder / "run.db", "pragma integrity_check") == [("ok",)]
        done = units_done(tool)  # 0 too where it died before the plan was stored
        assert done >= done_before, "units were lost"
        done_before = done
        if process.returncode == 0:  # complete: begin anew
            assert tool.digest("run.db", what) == digest
            for file in tool.folder.glob("run.db*"):
                file.unlink()
            done_before = 0
    assert min(workers_killed, runs_killed, resumed) > rounds / 4, "too little was killed"
    tool.run("run.db", *flags)
    assert tool.digest("run.db", what) == digest
    assert query(tool.folder / "run.db", "pragma integrity_check") == [("ok",)]
