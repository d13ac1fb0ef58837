"""Runs the programs and reads what they leave behind."""
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
BIN = Path(os.environ.get("MILLRACE_BIN") or HERE.parents[1] / "B" / "bin").resolve()
LIMIT_S = 120  # of one command


class Tool:
    """`millrace`, called in `folder`; `bin` may hold other programs of the same names."""

    def __init__(self, folder, bin=BIN):
        self.folder = Path(folder)
        self.bin = Path(bin)

    def start(self, *arguments, env=None):
        words = [self.bin / "millrace", *map(str, arguments)]
        return subprocess.Popen(words, cwd=self.folder, env={**os.environ, **(env or {})},
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                start_new_session=True)

    def call(self, *arguments, code=0, env=None):
        """Ends with the exit code that is expected; gives what was printed."""
        process = self.start(*arguments, env=env)
        try:
            out, err = process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            raise AssertionError(f"still running after {LIMIT_S} s: {arguments}\n{out}\n{err}")
        assert process.returncode == code, \
            f"exit code {process.returncode}, expected {code}: {arguments}\n{out}\n{err}"
        return subprocess.CompletedProcess(arguments, code, out, err)

    def run(self, db, *arguments, code=0, env=None):
        return self.call("run", "--db", db, "--quiet", *arguments, code=code, env=env)

    def refuse(self, *arguments, code, env=None):
        """One line of error, which is given without the program's name."""
        err = self.call(*arguments, code=code, env=env).stderr
        lines = [line for line in err.splitlines() if line.startswith("millrace: ")]
        assert len(lines) == 1 and err.endswith("\n"), err
        return lines[0][len("millrace: "):]

    def refuser(self, made):
        """A function that runs the made data with some flags changed: it must be refused, with
        these words, and store nothing. Gives the message."""
        def refuse(code, *named, arguments=(), **changes):
            message = self.refuse("run", "--quiet", "--db", "run.db", *made.flags(**changes),
                                  *arguments, code=code)
            for word in named:
                assert str(word) in message, f"{word} is not in: {message}"
            assert not list(self.folder.glob("run.db*"))
            return message
        return refuse

    def report(self, db, *arguments):
        return json.loads(self.call("report", db, "--format", "json", *arguments).stdout)

    def export(self, db, what):
        """The bytes of an export as .tsv."""
        out = self.folder / "exported.tsv"
        self.call("export", db, "--what", what, "--out", out)
        return out.read_bytes()

    def ranks(self, db):
        return self.export(db, "ranks")

    def digest(self, db, what="ranks"):
        """The results digest, which must be that of the exported ranks, or outcomes of `prove`."""
        digest = self.report(db)["run"]["results_digest"]
        assert digest == hashlib.sha256(self.export(db, what)).hexdigest()
        return digest


def rows_of(tsv):
    """The lines of an export as dicts; numbers as numbers."""
    lines = tsv.decode().splitlines()
    names = lines[0].split("\t")
    texts = dict.fromkeys(("side", "head", "relation", "tail", "end"), str)
    kinds = [{**texts, "logprob": float, "digest": hexadecimal}.get(name, int) for name in names]
    return [{name: kind(word) for name, kind, word in zip(names, kinds, line.split("\t"))}
            for line in lines[1:]]


def hexadecimal(word):
    return int(word, 16)


def query(path, sql):
    """Rows of a query, read-only, as a script would."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def programs_with(worker, folder):
    """A folder with millrace and another program in the worker's place."""
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    shutil.copy(BIN / "millrace", folder / "millrace")
    shutil.copy(worker, folder / "millrace-worker")
    return folder


def children(pid):
    """The processes that `pid` started."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(word) for word in task.read_text().split()]
        except OSError:
            pass
    return found


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def progress(tool, column, db="run.db"):
    """A column of the view; 0 of a run that has not begun."""
    try:
        return query(tool.folder / db, f"select {column} from progress")[0][0]
    except sqlite3.Error:
        return 0


def units_done(tool):
    return progress(tool, "units_done")


def wait_until(condition, process, limit_s=60):
    """Waits for something to be so, or for the process to end."""
    end = time.monotonic() + limit_s
    while not condition() and process.poll() is None:
        assert time.monotonic() < end, f"nothing happened for {limit_s} s"
        time.sleep(0.005)
