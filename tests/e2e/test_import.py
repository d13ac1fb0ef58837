"""ops/import/policy: what it accepts, what it refuses, and that an imported policy searches as it
did in PyTorch. Tests that need torch are skipped, by name, where it is not installed; Debian's and
PyPI's are big, so ops/setup does not install it."""
import gzip
import json
import struct
import subprocess
import sys

import numpy
import pytest

from tool import HERE

OPS = HERE.parents[1] / "ops"
sys.path[:0] = [str(OPS / "import"), str(OPS / "countries")]
import tensor_file  # noqa: E402
from search import Theory  # noqa: E402

POLICY = OPS / "import" / "policy"


def call(*arguments, code=0, env=None):
    result = subprocess.run([sys.executable, POLICY, *map(str, arguments)], capture_output=True,
                            text=True, env=env)
    assert result.returncode == code, result.stderr
    return result.stdout if code == 0 else result.stderr


def made_tensors(width=6, hidden=5, blocks=2, rows=12, predicates=3):
    draw = numpy.random.default_rng(1)

    def numbers(*shape):
        return draw.standard_normal(shape).astype("f4")
    tensors = {"constants.weight": numbers(rows, width),
               "predicates.weight": numbers(predicates + 4, width)}
    for name, size in [("input", width)] + [(f"block.{i}", hidden) for i in range(blocks)]:
        tensors |= {f"{name}.weight": numbers(hidden, size), f"{name}.bias": numbers(hidden),
                    f"{name}.norm.weight": numbers(hidden), f"{name}.norm.bias": numbers(hidden)}
    tensors |= {"head.0.weight": numbers(hidden, hidden), "head.0.bias": numbers(hidden),
                "head.1.weight": numbers(width, hidden), "head.1.bias": numbers(width)}
    return tensors


@pytest.fixture
def made(tmp_path):
    """A file of safetensors with the right names, and its tensors."""
    tensors = made_tensors()
    tensor_file.write(tmp_path / "made.safetensors", tensors)
    return tmp_path / "made.safetensors", tensors


def test_what_is_written_has_the_numbers_that_were_read(made, tmp_path):
    path, tensors = made
    assert "width 6, hidden 5, 2 blocks" in call(path, tmp_path / "out.safetensors")
    found = tensor_file.read(tmp_path / "out.safetensors")
    assert set(found) == set(tensors)
    for name, array in tensors.items():
        numpy.testing.assert_array_equal(found[name], array)


def test_names_are_mapped_by_the_first_expression_that_fits(made, tmp_path):
    path, tensors = made
    odd = {"net.res" + name[5:] if name.startswith("block") else "net." + name: array
           for name, array in tensors.items()}
    tensor_file.write(path, {**odd, "critic.weight": numpy.zeros((1, 1))})
    call(path, tmp_path / "out.safetensors", "--rename", r"net\.res(.*)=block\1",
         "--rename", r"net\.(.*)=\1", "--rename", r"critic\..*=")
    found = tensor_file.read(tmp_path / "out.safetensors")
    assert set(found) == set(tensors)
    numpy.testing.assert_array_equal(found["block.1.bias"], tensors["block.1.bias"])


def test_missing_and_left_over_tensors_are_listed_with_their_shapes(made, tmp_path):
    path, tensors = made
    tensors["block.1.normal.bias"] = tensors.pop("block.1.norm.bias")
    tensor_file.write(path, tensors)
    error = call(path, tmp_path / "out.safetensors", code=3)
    assert "missing: block.1.norm.bias [h]\n" in error
    assert "left over: block.1.normal.bias [5]\n" in error
    assert error.count("missing:") == error.count("left over:") == 1
    assert not (tmp_path / "out.safetensors").exists()


def test_a_block_that_is_left_out_in_the_middle_is_missing(made, tmp_path):
    path, tensors = made
    tensor_file.write(path, {name: array for name, array in tensors.items()
                             if not name.startswith("block.0.")})
    error = call(path, tmp_path / "out.safetensors", code=3)
    assert error.count("missing: block.0.") == 4


def test_a_shape_that_does_not_fit_is_refused_with_what_was_expected(made, tmp_path):
    path, tensors = made
    tensors["block.1.weight"] = numpy.zeros((5, 4))
    tensor_file.write(path, tensors)
    error = call(path, tmp_path / "out.safetensors", code=3)
    assert "block.1.weight: has shape [5, 4], expected [5, 5]" in error


def test_a_number_that_is_not_finite_is_refused(made, tmp_path):
    path, tensors = made
    tensors["head.0.bias"][2] = numpy.nan
    tensor_file.write(path, tensors)
    assert "head.0.bias" in call(path, tmp_path / "out.safetensors", code=3)


def test_the_temperature_is_written(made, tmp_path):
    call(made[0], tmp_path / "out.safetensors", "--temperature", "0.25")
    assert tensor_file.read(tmp_path / "out.safetensors")["temperature"].tolist() == [0.25]
    assert "temperature" in call(made[0], tmp_path / "out.safetensors", "--temperature", "0",
                                 code=3)


def test_two_tensors_of_one_name_are_refused(made, tmp_path):
    error = call(made[0], tmp_path / "out.safetensors", "--rename", "head.0.bias=input.bias",
                 code=3)
    assert "input.bias: two tensors have this name" in error


def test_without_torch_the_message_says_what_to_install(tmp_path):
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(name='torch')\n")
    (tmp_path / "policy.pt").write_bytes(b"")
    error = call(tmp_path / "policy.pt", tmp_path / "out.safetensors", code=4,
                 env={"PYTHONPATH": str(tmp_path)})
    assert "python3-torch" in error


def test_without_numpy_the_help_is_printed_and_the_rest_says_what_to_install(made, tmp_path):
    (tmp_path / "numpy.py").write_text("raise ModuleNotFoundError(name='numpy')\n")
    without = {"PYTHONPATH": str(tmp_path)}
    assert "STATE_DICT OUT" in call("--help", env=without)
    error = call(made[0], tmp_path / "out.safetensors", code=4, env=without)
    assert error == "policy: numpy is not installed; install python3-numpy (Debian) or numpy " \
                    "(PyPI)\n"


# ---- files that are no model ---------------------------------------------------------------------

def with_entry(whole, name, data=b"", **changes):
    """A file with another entry for one tensor, and its data, if given, behind all other."""
    start = 8 + struct.unpack_from("<Q", whole)[0]
    header, numbers = json.loads(whole[8:start]), whole[start:]
    if data:
        changes["data_offsets"] = [len(numbers), len(numbers) + len(data)]
    header[name] |= changes
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + numbers + data


def cast(path, name, kind, data):
    path.write_bytes(with_entry(path.read_bytes(), name, data, dtype=kind))


def test_bf16_is_read(made, tmp_path):
    path, tensors = made
    halves = (tensors["input.weight"].view("<u4") >> 16).astype("<u2")
    cast(path, "input.weight", "BF16", halves.tobytes())
    call(path, tmp_path / "out.safetensors")
    found = tensor_file.read(tmp_path / "out.safetensors")["input.weight"]
    numpy.testing.assert_array_equal(found.view("<u4"), halves.astype("<u4") << 16)


def test_whole_numbers_are_refused_but_may_be_left_out(made, tmp_path):
    path, tensors = made
    cast(path, "head.0.bias", "I64", bytes(8 * 5))
    error = call(path, tmp_path / "out.safetensors", code=3)
    assert error == f"policy: {path}: head.0.bias: holds int64, expected floats\n"
    tensor_file.write(path, {**tensors, "steps": numpy.zeros(())})
    cast(path, "steps", "I64", bytes(8))
    call(path, tmp_path / "out.safetensors", "--rename", "steps=")


BROKEN = {
    "is empty": lambda whole: b"",
    "a header of": lambda whole: whole[:100],
    "tensor head.1.weight: its data is bytes": lambda whole: whole[:-30],
    "the header is not a JSON object": lambda whole: whole[:8] + b"[" + whole[9:],
    "is a PyTorch file or a pickle, not safetensors; call it .pt": lambda whole: b"PK\3\4" + whole,
    "tensor input.bias: dtype F7": lambda whole: with_entry(whole, "input.bias", dtype="F7"),
    "20 bytes of data, expected 24": lambda whole: with_entry(whole, "input.bias", shape=[6]),
    "its entry lacks a proper": lambda whole: with_entry(whole, "input.bias", shape=[-5]),
    "bytes in a file of 22": lambda whole: b"not safetensors at all",
}


@pytest.mark.parametrize("message", BROKEN)
def test_a_broken_file_is_refused_in_one_line(made, tmp_path, message):
    made[0].write_bytes(BROKEN[message](made[0].read_bytes()))
    error = call(made[0], tmp_path / "out.safetensors", code=3)
    assert error.startswith(f"policy: {made[0]}: ") and error.count("\n") == 1
    assert message in error


# ---- the numbers of words ------------------------------------------------------------------------

def data_flags(folder):
    data = [folder / f"{name}.txt" for name in ("train", "valid", "test")]
    return ["--data", *data, "--rules", folder / "rules.txt"]


def test_the_words_that_are_printed_have_the_numbers_of_the_run(family):
    theory = family.theory
    expected = [f"constant\t{number}\t{word}" for word, number in theory.constant.items()]
    expected += [f"predicate\t{number}\t{word}" for word, number in theory.predicate.items()]
    expected += [f"end\t{theory.P + i}\t{end}" for i, end in ((1, "true"), (2, "false"),
                                                             (3, "give up"))]
    assert call("--print-words", *data_flags(family.folder)).splitlines() == expected


def test_all_forms_of_files_give_the_same_words(family, tmp_path):
    (tmp_path / "train.txt").write_text(family.triples("train").replace("\n", "\r\n"))
    (tmp_path / "valid.txt").write_bytes(gzip.compress(family.lines("valid").encode()))
    (tmp_path / "test.txt").write_text("% asked\n\n" + family.lines("test").replace(",", " , "))
    (tmp_path / "rules.txt").write_text(family.rules)
    assert call("--print-words", *data_flags(tmp_path)) \
        == call("--print-words", *data_flags(family.folder))


@pytest.fixture
def shuffled(family, tmp_path):
    """A model as millrace wants it, the same with its rows in another order, with label files."""
    theory = family.theory
    tensors = made_tensors(rows=len(theory.constants) + 9, predicates=len(theory.predicates))
    others, flags = dict(tensors), data_flags(family.folder)
    for what, found in (("constants", theory.constants), ("predicates", theory.predicates)):
        rows = numpy.random.default_rng(7).permutation(len(found))
        table = others[f"{what}.weight"].copy()
        table[1:len(found) + 1] = table[1 + rows]
        others[f"{what}.weight"] = table
        (tmp_path / what).write_text("".join(f"{found[row]}\n" for row in rows))
        flags += [f"--{what}", tmp_path / what]
    tensor_file.write(tmp_path / "shuffled.safetensors", others)
    return tmp_path / "shuffled.safetensors", tensors, flags


def test_rows_in_another_order_are_put_into_that_of_the_run(shuffled, tmp_path):
    path, tensors, flags = shuffled
    assert "rows put in order" in call(path, tmp_path / "out.safetensors", *flags)
    found = tensor_file.read(tmp_path / "out.safetensors")
    assert set(found) == set(tensors)
    for name, array in tensors.items():
        assert found[name].tobytes() == array.tobytes(), name


def test_a_word_that_either_side_lacks_is_named(shuffled, family, tmp_path):
    path, _, flags = shuffled
    words = (tmp_path / "constants").read_text().splitlines()
    (tmp_path / "constants").write_text("\n".join(["nobody", *words[1:]]))
    error = call(path, tmp_path / "out.safetensors", *flags, code=3)
    assert error == f"policy: {tmp_path / 'constants'}: not the constants of the run: it lacks " \
        f"`{words[0]}`, of the run's files; it has `nobody`, of which the run's files know nothing\n"
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.parametrize("line, message", [
    ("child\n", "`child` stands in line"), ("\n", "expected one word"),
    ("1\tchild\n", "expected one word")])
def test_a_label_file_of_other_lines_is_refused_with_the_line(shuffled, tmp_path, line, message):
    path, _, flags = shuffled
    count = len((tmp_path / "predicates").read_text().splitlines())
    with open(tmp_path / "predicates", "a") as file:
        file.write(line)
    error = call(path, tmp_path / "out.safetensors", *flags, code=3)
    assert f"{tmp_path / 'predicates'}:{count + 1}: " in error and message in error


def test_a_table_without_rows_for_all_words_is_refused(shuffled, tmp_path):
    path, tensors, flags = shuffled
    tensors["predicates.weight"] = tensors["predicates.weight"][:-1]
    tensor_file.write(path, tensors)
    error = call(path, tmp_path / "out.safetensors", *flags, code=3)
    assert "predicates.weight: has" in error and "and the three ends" in error


def test_label_files_without_the_files_of_the_run_are_bad_usage(made, tmp_path):
    error = call(made[0], tmp_path / "out.safetensors", "--constants", made[0], code=2)
    assert "belong together" in error


@pytest.mark.parametrize("name, line", [("test", "near(a,b,c)."), ("rules", "near(X,Y)."),
                                        ("rules", "near(X,Y) -> near(Y,X)")])
def test_a_line_that_is_no_atom_or_rule_is_refused_with_its_place(family, tmp_path, name, line):
    for other in ("train", "valid", "test", "rules"):
        (tmp_path / f"{other}.txt").write_bytes((family.folder / f"{other}.txt").read_bytes())
    (tmp_path / f"{name}.txt").write_text(f"% odd\n{line}\n")
    error = call("--print-words", *data_flags(tmp_path), code=3)
    assert error.startswith(f"policy: {tmp_path / name}.txt:2: `{line}` is no "), error


# ---- with torch --------------------------------------------------------------------------------

DATA = {
    "facts": "near(a,b). near(b,c). near(b,a). near(c,d). near(d,a). in(c,x). in(a,y). in(d,x). "
             "near(e,b). near(e,c). far(a,e). far(c,e). far(b,d).",
    "test": "in(b,x). in(e,x). in(b,y). in(e,y). far(d,e).",
    "rules": "in(X,Z) :- near(X,Y), in(Y,Z).\nin(X,Z) :- far(X,Y), near(Y,K), in(K,Z).\n"
             "far(X,Y) :- near(X,K), far(K,Y).\nnear(X,Y) :- far(Y,X).\n",
}


@pytest.fixture
def world(tmp_path):
    for name, text in DATA.items():
        (tmp_path / f"{name}.txt").write_text(text if name == "rules" else
                                              text.replace(". ", ".\n") + "\n")
    return Theory(tmp_path / "rules.txt", tmp_path / "facts.txt", tmp_path / "test.txt")


def padded(state):
    return list(state) + [(0, 0, 0)] * (6 - len(state))


def torch_policy(torch, module):
    """choose(state, successors) of a module; notes the narrowest choice in `margins`."""
    margins = []

    def choose(state, children):
        with torch.no_grad():
            logits = module(torch.tensor(padded(state)),
                            torch.tensor([padded(child) for child in children]))
            shares = torch.log_softmax(logits, 0)
        two = torch.topk(logits, 2).values
        margins.append(float(two[0] - two[1]))
        return int(logits.argmax()), float(shares.max())
    return choose, margins


@pytest.mark.parametrize("temperature", [None, 0.5])
@pytest.mark.parametrize("wrapped", [False, True])
def test_an_imported_policy_searches_as_it_did_in_torch(tool, world, temperature, wrapped):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from policy_network import PolicyNetwork
    torch.manual_seed(3)
    module = PolicyNetwork(len(world.constants), 60, len(world.predicates), width=24, hidden=40,
                           blocks=3, temperature=temperature)
    state = module.state_dict()
    torch.save({"state_dict": state} if wrapped else state, tool.folder / "policy.pt")
    call(tool.folder / "policy.pt", tool.folder / "policy.safetensors")

    tool.run("run.db", "--program", "prove", "--policy", "network", "--model",
             "policy.safetensors", *(word for name in DATA for word in (f"--{name}", f"{name}.txt")))
    tool.call("export", "run.db", "--what", "outcomes", "--out", "outcomes.tsv")
    lines = (tool.folder / "outcomes.tsv").read_text().splitlines()
    names, compared = lines[0].split("\t"), 0
    for line in lines[1:]:
        row = dict(zip(names, line.split("\t")))
        choose, margins = torch_policy(torch, module)
        proved, depth, logprob = world.search(
            world.atom(row["relation"], row["head"], row["tail"]), choose)
        if min(margins, default=1) > 1e-4:
            assert (int(row["proved"]), int(row["depth"])) == (proved, depth), line
            assert float(row["logprob"]) == pytest.approx(logprob, abs=1e-4), line
            compared += len(margins)
    assert compared > 100


def test_a_file_that_holds_more_than_tensors_is_refused(tmp_path):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from policy_network import PolicyNetwork
    torch.save(PolicyNetwork(3, 3, 1, width=4, hidden=4, blocks=1), tmp_path / "policy.pt")
    assert "state_dict" in call(tmp_path / "policy.pt", tmp_path / "out.safetensors", code=3)
