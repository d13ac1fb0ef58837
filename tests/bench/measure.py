"""What the parts of ops/bench share: where things are, how a program is run, one evaluation."""
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("MILLRACE_BENCH_BUILD", ROOT / "build" / "release"))
DATA = Path(os.environ.get("MILLRACE_DATA", ROOT.parent / "shared" / "data"))
CORES = os.cpu_count() or 1


def run(*command, **kwargs):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, **kwargs)
    if result.returncode:
        sys.exit(f"ops/bench: {' '.join(str(w) for w in command)}: exit {result.returncode}\n"
                 + result.stderr)
    return result.stdout


def processor():
    text = Path("/proc/cpuinfo").read_text()
    model = next((line.split(":", 1)[1].strip() for line in text.splitlines()
                  if line.startswith("model name")), "unknown processor")
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return model, "avx512f" in flags.split(), "avx2" in flags.split()


def evaluate(flags, *more, bin=BUILD / "bin", env=None):
    """One run from an empty database: its wall time and its report."""
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "run.db"
        start = time.monotonic()
        run(bin / "millrace", "run", "--quiet", "--db", db, *flags, *more,
            env={**os.environ, **(env or {})})
        wall = time.monotonic() - start
        return wall, json.loads(run(bin / "millrace", "report", db, "--format", "json"))
