"""The numbers that `program: prove` gives to words, from the files of a run.

    number(data, rules) -> constants, predicates     lists of words; the first has number 1
    order(what, expected, path) -> rows              rows[i]: which line of path, from 1, is the
                                                     (i + 1)th of `expected`

Constants are the distinct arguments of the files of `data` (facts, train, valid, test), sorted as
bytes; predicates those of the same files and of the rules. Files have the forms of common/atoms.h
and common/rules.h, plain or gzip. Words are bytes. ValueError tells file, line and what is wrong.

Used by ops/import/policy.
"""
import gzip
import re
import zlib

BLANKS = b" \t"
LABEL = re.compile(rb"[^:]*:\s*[-+.\w]+[ \t]*:")  # id:weight: in front of a body
MARKS = {b"\x28\xb5\x2f\xfd": "zstd: unpack it first (zstd -d)"}
NAMED_MOST = 5  # words that a message lists


def shown(word):
    return word.decode("utf-8", "backslashreplace")


def read_lines(path):
    """[(number, line)] of a text file, without what ends lines."""
    with open(path, "rb") as file:
        data = file.read()
    for mark, what in MARKS.items():
        if data.startswith(mark):
            raise ValueError(f"{path}: is packed with {what}")
    if data.startswith(b"\x1f\x8b"):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            raise ValueError(f"{path}: its gzip compression is broken or cut short") from None
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if not lines[-1]:
        lines.pop()
    return [(number, line.removesuffix(b"\r")) for number, line in enumerate(lines, 1)]


def read_clauses(path):
    """The lines that say something: not blank, and no comment."""
    for number, line in read_lines(path):
        text = line.strip(BLANKS)
        if text and not text.startswith(b"%"):
            yield number, line


def cut_columns(line, place):
    columns = [column.strip(BLANKS) for column in line.split(b"\t")]
    if len(columns) != 3 or not all(columns):
        raise ValueError(f"{place}: expected 3 columns: head, relation, tail, separated by tabs")
    first, predicate, second = columns
    return predicate, first, second


def cut_atom(text, place):
    """(predicate, first, second) of predicate(first,second)."""
    opening, closing = text.find(b"("), text.rfind(b")")
    predicate = text[:max(opening, 0)].strip(BLANKS)
    arguments = [word.strip(BLANKS) for word in text[opening + 1:max(closing, 0)].split(b",")]
    behind = text[closing + 1:].strip(BLANKS)
    if not predicate or len(arguments) != 2 or not all(arguments) or behind not in (b"", b"."):
        raise ValueError(f"{place}: `{shown(text[:80])}` is no atom; expected "
                         "predicate(first,second).")
    return predicate, *arguments


def read_atoms(path):
    """The atoms of a file, whose first line tells its form."""
    cut = None
    for number, line in read_clauses(path):
        cut = cut or (cut_columns if b"\t" in line else cut_atom)
        yield cut(line, f"{path}:{number}")


def cut_body(body):
    """The atoms of a body, which stand between the commas outside of parentheses."""
    atoms, depth = [b""], 0
    for at in range(len(body)):
        letter = body[at:at + 1]
        depth = max(0, depth + (letter == b"(") - (letter == b")"))
        if letter == b"," and depth == 0:
            atoms.append(b"")
        else:
            atoms[-1] += letter
    return atoms


def read_rule_predicates(path):
    for number, line in read_clauses(path):
        place = f"{path}:{number}"
        body, arrow, head = line.partition(b"->")
        if arrow:
            label = LABEL.match(body)
            body = body[label.end():] if label else None
        else:
            head, neck, body = line.partition(b":-")
            body = body if neck else None
        if body is None:
            raise ValueError(f"{place}: `{shown(line[:80])}` is no rule; expected id:weight:body "
                             "-> head, or head :- body.")
        for text in (head, *cut_body(body)):
            yield cut_atom(text, place)[0]


def number(data, rules):
    constants, predicates = set(), set(read_rule_predicates(rules))
    for path in data:
        for predicate, first, second in read_atoms(path):
            predicates.add(predicate)
            constants.update((first, second))
    return sorted(constants), sorted(predicates)


def read_labels(path):
    """{word: line}"""
    labels = {}
    for line_number, line in read_lines(path):
        word = line.strip(BLANKS)
        if not word or b"\t" in word:
            raise ValueError(f"{path}:{line_number}: expected one word, found `{shown(line[:80])}`")
        if word in labels:
            raise ValueError(f"{path}:{line_number}: `{shown(word)}` stands in line "
                             f"{labels[word]}, too")
        labels[word] = line_number
    return labels


def listed(words):
    more = f" and {len(words) - NAMED_MOST} more" if len(words) > NAMED_MOST else ""
    return ", ".join(f"`{shown(word)}`" for word in words[:NAMED_MOST]) + more


def order(what, expected, path):
    labels, known = read_labels(path), set(expected)
    missing = [word for word in expected if word not in labels]
    left = [word for word in labels if word not in known]
    problems = [f"it lacks {listed(missing)}, of the run's files"] * bool(missing)
    problems += [f"it has {listed(left)}, of which the run's files know nothing"] * bool(left)
    if problems:
        raise ValueError(f"{path}: not the {what} of the run: " + "; ".join(problems))
    return [labels[word] for word in expected]
