"""Input of proof searches that is wrong is refused before work begins, and nothing is stored."""
import gzip

import numpy
import pytest

from made import safetensors
from prove_data import SMALL, network_tensors

USAGE, INPUT = 2, 3


@pytest.fixture
def refuse(family, tool):
    """Runs the family with some flags changed; it must be refused and store nothing."""
    return tool.refuser(family)


@pytest.fixture
def spoilt(family, tool):
    """A file of the family with line `number` (from 1) replaced."""
    def spoil(name, number, line):
        lines = (family.folder / name).read_text().splitlines()
        lines[number - 1] = line
        path = tool.folder / name
        path.write_text("\n".join(lines) + "\n")
        return path
    return spoil


# ---- atoms ----------------------------------------------------------------------------------

ATOMS = {
    "no parenthesis": "parent 23 42",
    "not closed": "parent(23,42",
    "not opened": "parent23,42)",
    "one argument": "parent(23).",
    "three arguments": "parent(23,42,9).",
    "no predicate": "(23,42).",
    "empty argument": "parent(23,).",
    "something behind": "parent(23,42). 0.5",
    "two atoms": "parent(23,42). parent(42,23).",
    "zero byte": "parent(23\0,42).",
}


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("what", ATOMS)
def test_line_that_is_no_atom(what, split, refuse, spoilt):
    path = spoilt(f"{split}.txt", 7, ATOMS[what])
    refuse(INPUT, f"{path}:7", **{split: path})


def test_triple_among_atoms(refuse, spoilt):
    path = spoilt("valid.txt", 3, "23\tparent\t42")
    refuse(INPUT, f"{path}:3", valid=path)


def test_triple_of_two_columns(refuse, family, tool):
    path = tool.folder / "valid.tsv"
    path.write_text(family.triples("valid") + "23\tparent\n")
    refuse(INPUT, f"{path}:{len(family.splits['valid']) + 1}", valid=path)


@pytest.mark.parametrize("role", ["train", "test", "rules", "depths", "domains", "facts", "model"])
def test_missing_file(role, refuse, tool):
    changes = {role: tool.folder / "absent"} | ({"policy": "network"} if role == "model" else {})
    refuse(INPUT, role, tool.folder / "absent", **changes)


@pytest.mark.parametrize("role", ["train", "rules", "facts"])
def test_compressed_file_that_is_cut_short(role, refuse, family, tool):
    path = tool.folder / "short.gz"
    name = "rules.txt" if role == "rules" else "train.txt"
    path.write_bytes(gzip.compress((family.folder / name).read_bytes())[:-20])
    refuse(INPUT, path, **{role: path})


def test_empty_test_set(refuse, tool):
    path = tool.folder / "empty.txt"
    path.write_text("% nothing here\n\n")
    refuse(INPUT, path, test=path)


@pytest.mark.parametrize("line, word", [("parent(stranger,9).", "stranger"),
                                        ("stranger(9,8).", "stranger")])
def test_query_of_strangers(line, word, refuse, tool):
    path = tool.folder / "queries.txt"
    path.write_text("parent(9,10).\n" + line + "\n")
    refuse(INPUT, f"{path}:2", word, queries=path)


# ---- rules ----------------------------------------------------------------------------------

RULES = {
    "no arrow": "r0:1:parent(x,y), child(y,x)",
    "empty body": "r0:1: -> child(y,x)",
    "empty body in Prolog": "child(Y,X) :- .",
    "no head": "r0:1:parent(x,y) -> ",
    "no head in Prolog": ":- parent(X,Y).",
    "one argument": "r0:1:parent(x) -> child(x,x)",
    "three arguments in the head": "r0:1:parent(x,y) -> child(y,x,x)",
    "not closed": "child(Y,X) :- parent(X,Y",
    "no comma between": "child(Y,X) :- parent(X,Y) parent(Y,X).",
    "comma at the end": "child(Y,X) :- parent(X,Y), .",
    "constant that the data lack": "child(Y,nobody) :- parent(nobody,Y).",
}


@pytest.mark.parametrize("what", RULES)
def test_line_that_is_no_rule(what, refuse, spoilt):
    path = spoilt("rules.txt", 3, RULES[what])
    message = refuse(INPUT, f"{path}:3", rules=path)
    assert "nobody" in message or "nobody" not in RULES[what]


def test_rules_without_a_rule(refuse, tool):
    path = tool.folder / "rules.txt"
    path.write_text("% none yet\n")
    refuse(INPUT, path, rules=path)


# ---- domains and depths ---------------------------------------------------------------------


@pytest.mark.parametrize("line, named", [
    ("grand:others:nowhere", "nowhere"), ("grand:others", ""), ("alone", "alone"),
    ("towns 9 10", "towns"),
])
def test_domains_that_are_wrong(line, named, refuse, spoilt):
    path = spoilt("domains.txt", 4, line)
    refuse(INPUT, f"{path}:4", named, domains=path)


def test_constant_of_no_domain(refuse, family, tool):
    path = tool.folder / "domains.txt"
    path.write_text(f"people {' '.join(family.people)}\n")
    first = next(number for number, (p, a, b) in enumerate(family.splits["test"], 1)
                 if b in family.town)
    message = refuse(INPUT, f"{family.folder / 'test.txt'}:{first}", domains=path)
    assert "/town/" in message


@pytest.mark.parametrize("line", ["parent(23,42)", "parent(23,42) x", "parent(23,42) 1.5",
                                  "parent(23,42) 2 2", "parent(23,42) -2",
                                  "parent(23,42) 99999999999999999999", "parent(23) 2", "2"])
def test_depth_that_is_no_number(line, refuse, spoilt):
    path = spoilt("depths.txt", 5, line)
    refuse(INPUT, f"{path}:5", depths=path)


# ---- networks -------------------------------------------------------------------------------


@pytest.fixture
def refuse_model(family, refuse, tool):
    def refuse_model(tensors, *named):
        path = tool.folder / "model.safetensors"
        path.write_bytes(safetensors(tensors))
        return refuse(INPUT, path, *named, policy="network", model=path)
    return refuse_model


SHAPES = {
    "constants.weight": (20, 12), "predicates.weight": (9, 12), "input.weight": (20, 13),
    "input.bias": (19,), "input.norm.weight": (21,), "block.1.weight": (20, 19),
    "block.0.norm.bias": (1,), "head.0.weight": (21, 20), "head.1.weight": (13, 20),
    "head.1.bias": (11,),
}


@pytest.mark.parametrize("name", SHAPES)
def test_tensor_of_another_shape(name, family, refuse_model):
    tensors = family.tensors | {name: numpy.ones(SHAPES[name], "f4")}
    refuse_model(tensors, name)


def test_constants_without_rows_for_variables(family, refuse_model):
    tensors = family.tensors | {"constants.weight":
                                family.tensors["constants.weight"][: family.theory.C + 1]}
    refuse_model(tensors, "constants.weight")


@pytest.mark.parametrize("name", ["constants.weight", "predicates.weight", "input.bias",
                                  "block.0.weight", "block.1.norm.bias", "head.0.bias",
                                  "head.1.weight"])
def test_tensor_that_is_missing(name, family, refuse_model):
    tensors = {key: array for key, array in family.tensors.items() if key != name}
    refuse_model(tensors, "block.0" if name == "block.0.weight" else name)


def test_tensor_that_nobody_asks_for(family, refuse_model):
    refuse_model(family.tensors | {"block.3.weight": numpy.ones((20, 20), "f4")}, "block.3.weight")
    refuse_model(family.tensors | {"value.weight": numpy.ones((1, 20), "f4")}, "value.weight")


@pytest.mark.parametrize("name", ["constants.weight", "input.norm.weight", "block.1.bias",
                                  "head.1.weight"])
@pytest.mark.parametrize("number", [numpy.nan, numpy.inf])
def test_number_that_is_none(number, name, family, refuse_model):
    array = family.tensors[name].copy()
    array.reshape(-1)[-1] = number
    refuse_model(family.tensors | {name: array}, name)


@pytest.mark.parametrize("temperature", [0.0, -1.0])
def test_temperature_that_is_none(temperature, family, refuse_model):
    refuse_model(family.tensors | {"temperature": numpy.array([temperature], "f4")}, "temperature")


def test_model_that_is_no_network(refuse, small):
    path = small.folder / "model.safetensors"
    refuse(INPUT, path, policy="network", model=path)


def test_logits_that_overflow_end_the_run_by_name(family, tool):
    tensors = family.tensors | {"head.1.weight": family.tensors["head.1.weight"] * 3e37}
    path = tool.folder / "model.safetensors"
    path.write_bytes(safetensors(tensors))
    message = tool.refuse("run", "--quiet", "--db", "run.db",
                          *family.flags(policy="network", model=path), code=1)
    assert str(path) in message or "test.txt" in message, message
    assert tool.report("run.db")["run"]["complete"] is False


def test_search_that_needs_more_variables_than_the_network_has(family, tool):
    tensors = network_tensors(family.theory, seed=5, variables=family.theory.variables + 1, **SMALL)
    path = tool.folder / "model.safetensors"
    path.write_bytes(safetensors(tensors))
    message = tool.refuse("run", "--quiet", "--db", "run.db",
                          *family.flags(policy="network", model=path), code=1)
    for word in (path, "constants.weight", "variables", family.folder / "test.txt"):
        assert str(word) in message, message


# ---- settings -------------------------------------------------------------------------------


@pytest.mark.parametrize("changes, named", [
    ({"rules": None}, ["rules"]),
    ({"train": None}, ["train", "facts"]),
    ({"test": None}, ["test"]),
    ({"policy": "network", "model": None}, ["model", "policy"]),
    ({"policy": "hsah"}, ["policy", "hsah", "hash"]),
    ({"scorer": "distmult"}, ["scorer", "prove"]),
    ({"fast_pass": "fp32"}, ["fast_pass", "prove"]),
    ({"entities": "entities.tsv"}, ["entities", "prove"]),
    ({"unit_questions": 5}, ["unit_questions", "prove"]),
    ({"unknown": "keep"}, ["unknown", "keep"]),
    ({"samples": 5}, ["samples", "candidates"]),
    ({"depth": 0}, ["depth", "1"]),
    ({"depth": 1001}, ["depth", "1000"]),
    ({"successors": 1}, ["successors", "2"]),
    ({"atoms": 65}, ["atoms", "64"]),
    ({"mode": "joint"}, ["mode", "joint", "both"]),
    ({"skip_unary": "yes"}, ["skip-unary", "on"]),
    ({"by": "depth"}, ["depth"]),
    ({"mode": "both", "sides": "head"}, ["mode", "sides"]),
])
def test_settings_that_do_not_fit(changes, named, refuse):
    refuse(USAGE, *named, **changes)


@pytest.mark.parametrize("flag, value", [("--rules", "rules.txt"), ("--policy", "hash"),
                                         ("--mode", "both"), ("--depth", 5), ("--unit-items", 5)])
def test_settings_of_prove_given_to_rank(flag, value, small, family, tool):
    if flag == "--rules":
        value = family.folder / value
    message = tool.refuse("run", "--quiet", "--db", "run.db", *small.flags(), flag, value,
                          code=USAGE)
    assert flag.strip("-").replace("-", "_") in message and "rank" in message, message
    assert not list(tool.folder.glob("run.db*"))


def test_ranks_of_the_other_kind(small, tool):
    """There are no outcomes in a run of rank."""
    tool.run("run.db", *small.flags(limit=2))
    message = tool.refuse("export", "run.db", "--what", "outcomes", "--out", "x.tsv", code=USAGE)
    assert "outcomes" in message and "rank" in message
