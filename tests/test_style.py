#!/usr/bin/env python3
"""The style guide as a test: what can be checked of how code reads here, is.

Run from anywhere: tests/test_style.py. Prints one line for each breach and exits 1 if there is
any. Each check is a function in CHECKS that yields (file, line, what is wrong).
"""
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = [p for folder in ("schema", "common", "coordinator", "worker", "tests")
           for p in sorted((ROOT / folder).rglob("*")) if p.suffix in (".c", ".h", ".cu", ".def")]
COLUMNS, FILE_LINES, FUNCTION_LINES = 100, 500, 60

# Which folders a folder's files may include from.
MAY_INCLUDE = {
    "schema": {"schema"},
    "common": {"schema", "common"},
    "coordinator": {"schema", "common", "coordinator"},
    "worker": {"schema", "common", "worker"},
    "tests": {"schema", "common", "coordinator", "worker", "tests"},
}

# Foreign headers, and the only files that may include them (tests may include any).
FOREIGN = {
    r"sqlite3\.h": 1, r"yaml\.h": 1, r"msgpack.*\.h": 1, r"openssl/.*": 1, r"zlib\.h": 1,
    r"zstd\.h": 1, r"Random123/.*": 1, r"jansson\.h": 1,
    r"(czmq|zmq)\.h": {"coordinator/serve.c", "worker/link.c"},
}
BANNED = re.compile(r"\b(TODO|FIXME|XXX|HACK|NEEDSWORK)\b|\bgoto\b|\b(sprintf|strcpy|strcat|gets)\(")
MATH_THAT_VARIES = re.compile(r"(?<![\w.>])(exp|log|log2|log10|sin|cos|tan|tanh|pow|exp2|erf)f?\(")


def lines_of(path):
    return path.read_text(encoding="utf-8").splitlines()


def name(path):
    return path.relative_to(ROOT).as_posix()


def code_of(text):
    """The text with comments and literals blanked out, line by line as before."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)


def layout():
    for path in SOURCES:
        lines = lines_of(path)
        if len(lines) > FILE_LINES:
            yield path, len(lines), f"{len(lines)} lines, more than {FILE_LINES}"
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS:
                yield path, number, f"{len(line)} columns, more than {COLUMNS}"
            if line != line.rstrip() or "\t" in line:
                yield path, number, "trailing space or tab"


def function_lengths():
    for path in SOURCES:
        start = None
        for number, line in enumerate(code_of(path.read_text(encoding="utf-8")).splitlines(), 1):
            if line.startswith("{"):
                start = number
            elif line.startswith("}") and start:
                if not line.startswith("};") and number - start > FUNCTION_LINES:
                    yield path, start, f"a function of {number - start} lines"
                start = None


def words():
    for path in SOURCES:
        code = code_of(path.read_text(encoding="utf-8")).splitlines()
        for number, line in enumerate(lines_of(path), 1):
            if BANNED.search(line if "TODO" in line or "FIXME" in line else code[number - 1]):
                yield path, number, "a word that is not used here: " + line.strip()


def include_directions():
    for path in SOURCES:
        folder = name(path).split("/")[0]
        for number, line in enumerate(lines_of(path), 1):
            found = re.match(r'\s*#include "([^"]+)"', line)
            if not found:
                continue
            target = found.group(1)
            if target.split("/")[0] not in MAY_INCLUDE[folder]:
                yield path, number, f"{folder} may not include {target}"
            elif not (ROOT / target).exists():
                yield path, number, f"{target} does not exist; include from the root"


def foreign_libraries():
    for pattern, allowed in FOREIGN.items():
        users = {}
        for path in SOURCES:
            if name(path).startswith("tests/"):
                continue
            for number, line in enumerate(lines_of(path), 1):
                if re.match(rf"\s*#include <{pattern}>", line):
                    users.setdefault(name(path), (path, number))
        over = [u for u in users if u not in allowed] if isinstance(allowed, set) \
            else sorted(users)[allowed:]
        for user in over:
            yield *users[user], f"a second file that includes <{pattern}>"


def varying_mathematics():
    """libm's transcendentals change between machines: common/fmath.h has ours."""
    for path in SOURCES:
        if name(path).startswith("tests/"):
            continue
        for number, line in enumerate(code_of(path.read_text(encoding="utf-8")).splitlines(), 1):
            if MATH_THAT_VARIES.search(line):
                yield path, number, "libm's bits vary; use common/fmath.h: " + line.strip()


def guards():
    for path in SOURCES:
        if path.suffix == ".h" and not name(path).startswith("tests/"):
            guard = re.sub(r"[^A-Z0-9]", "_", name(path).upper())
            text = path.read_text(encoding="utf-8")
            if f"#ifndef {guard}\n#define {guard}\n" not in text:
                yield path, 1, f"include guard {guard} is missing"


def dead_files():
    """A header nobody includes, a script or data file nobody names."""
    every = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout.split()
    texts = {}
    for file in every:
        try:
            texts[file] = (ROOT / file).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            texts[file] = ""
    found_by_name = re.compile(  # by CMake's globs, by git, by people, or by pytest
        r"^(\.|README|LICENSE|CHANGELOG|CMake|tests/e2e/(test_|conftest))|(^|/)CMakeLists\.txt$|"
        r"/\.gitignore$|/README\.md$|^ops/preset/|"
        r"^(common|coordinator|worker|worker/\w+)/\w+\.c$|^tests/test_\w+\.(c|py)$")
    for file in every:
        if not (ROOT / file).exists() or found_by_name.search(file):
            continue
        base = file if file.endswith((".h", ".def")) else Path(file).name
        if not any(base in text for other, text in texts.items() if other != file):
            yield ROOT / file, 1, "nothing includes or names this file"


def formatting():
    """clang-format decides, where it is installed."""
    if not shutil.which("clang-format"):
        return
    files = [p for p in SOURCES if p.suffix in (".c", ".h") and not name(p).startswith("tests/")]
    result = subprocess.run(["clang-format", "--dry-run", "--Werror", *files], cwd=ROOT,
                            capture_output=True, text=True)
    for found in re.finditer(r"^(.+?):(\d+):\d+: error:", result.stderr, re.M):
        yield Path(found.group(1)), int(found.group(2)), "clang-format would write it otherwise"


CHECKS = (layout, function_lengths, words, include_directions, foreign_libraries,
          varying_mathematics, guards, dead_files, formatting)


def main():
    breaches = 0
    for check in CHECKS:
        for path, number, what in check():
            print(f"{name(path)}:{number}: {what} [{check.__name__}]")
            breaches += 1
    print(f"style: {len(SOURCES)} files, {len(CHECKS)} checks, {breaches} breaches")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
