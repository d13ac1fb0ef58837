"""What all end-to-end tests share: the program (tool.py), its deaths (killing.py), made data (made.py,
prove_data.py), real data, shims.

MILLRACE_BIN names the folder of the programs; MILLRACE_DATA that of the real data, which tests
skip by name where it is absent.
"""
import os
import subprocess
from pathlib import Path

import pytest

from made import Made
from prove_data import Family
from tool import BIN, HERE, Tool, programs_with


def pytest_configure(config):
    if not (BIN / "millrace").exists():
        pytest.exit(f"no millrace in {BIN}; build it and set MILLRACE_BIN", returncode=2)


@pytest.fixture
def tool(tmp_path):
    """The program, run in a folder of the test's own."""
    return Tool(tmp_path)


@pytest.fixture
def slowly(tool, odd_worker):
    """Makes a program's workers take some milliseconds for each step, so that something can
    happen meanwhile: gives the environment for it."""
    tool.bin = programs_with(odd_worker, tool.folder / "bin")
    return {"MILLRACE_ODD_SLEEP_MS": "5"}


@pytest.fixture(scope="session")
def data():
    """The folder of real data."""
    found = Path(os.environ.get("MILLRACE_DATA") or HERE.parents[2] / "shared" / "data")
    if not found.is_dir():
        pytest.skip(f"the real data is not there (MILLRACE_DATA={found})")
    return found


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A run of a second at most: 60 entities, 5 relations, real ties."""
    return Made(seed=1, whole=True).write(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def large(tmp_path_factory):
    """A run of some hundred milliseconds on one thread."""
    made = Made(seed=2, whole=True, entities=6000, train=20000, test=1500, width=128)
    return made.write(tmp_path_factory.mktemp("large"))


@pytest.fixture(scope="session")
def family(tmp_path_factory):
    """A theory of 60 constants, 6 predicates and 11 rules; a run of some 2,700 searches."""
    return Family(seed=1).write(tmp_path_factory.mktemp("family"))


@pytest.fixture(scope="session")
def full_speed():
    """For tests that take minutes where sanitizers slow the programs down."""
    if b"__asan_init" in (BIN / "millrace-worker").read_bytes():
        pytest.skip("too much work for programs that are built with a sanitizer")


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    """A library to preload that plays a full disk or a network file system; see shim.c."""
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-o", library,
                    HERE / "shim.c", "-ldl"], check=True)
    return library


@pytest.fixture(scope="session")
def odd_worker():
    """A worker program with faults on demand; see odd_worker.c."""
    path = Path(os.environ.get("MILLRACE_ODD_WORKER") or BIN.parent / "tests" / "odd_worker")
    if not path.exists():
        pytest.skip(f"odd_worker is not built ({path})")
    return path
