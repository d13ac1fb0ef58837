"""What is wrong is refused before work begins: named, with what to do, and nothing is stored.

Every refusal is one line on standard error and one of the documented exit codes.
"""
import gzip
import json
import os
import sqlite3
import struct
import subprocess

import numpy
import pytest

from made import safetensors
from tool import BIN, programs_with, units_done, wait_until

USAGE, INPUT, RESOURCE = 2, 3, 4


@pytest.fixture
def refuse(small, tool):
    """Runs the small run with some flags changed; it must be refused and store nothing."""
    return tool.refuser(small)


@pytest.fixture
def spoilt(small, tool):
    """A split with line `number` (from 1) replaced."""
    def spoil(number, line, split="test"):
        lines = small.lines(split).splitlines()
        lines[number - 1] = line
        path = tool.folder / f"{split}.txt"
        path.write_text("\n".join(lines) + "\n")
        return path
    return spoil


# ---- files ----------------------------------------------------------------------------------

ROLES = ["train", "valid", "test", "entities", "relations", "model"]


@pytest.mark.parametrize("role", ROLES)
def test_missing_file(role, refuse, tool):
    refuse(INPUT, role, tool.folder / "absent", **{role: tool.folder / "absent"})


@pytest.mark.parametrize("role", ROLES)
def test_file_that_is_a_folder(role, refuse, tool):
    (tool.folder / "folder").mkdir()
    refuse(INPUT, "folder", **{role: tool.folder / "folder"})


def test_dangling_link(refuse, tool):
    (tool.folder / "link").symlink_to("nowhere")
    refuse(INPUT, "test", tool.folder / "link", test=tool.folder / "link")


def test_compressed_file_that_is_cut_short(refuse, small, tool):
    path = tool.folder / "train.gz"
    path.write_bytes(gzip.compress(small.lines("train").encode())[:-20])
    refuse(INPUT, path, train=path)


def test_missing_run_file(tool):
    message = tool.refuse("run", "absent.yaml", code=RESOURCE)
    assert "absent.yaml" in message


# ---- triples --------------------------------------------------------------------------------


def test_wrong_column_count(refuse, spoilt):
    path = spoilt(5, "only\ttwo")
    refuse(INPUT, f"{path}:5", "2 columns", test=path)


def test_four_columns(refuse, spoilt, small):
    path = spoilt(2, small.lines("train").splitlines()[0] + "\t1", "train")
    refuse(INPUT, f"{path}:2", "4 columns", train=path)


def test_label_not_in_the_map(refuse, spoilt, small):
    path = spoilt(7, f"stranger\t{small.relation_words[0]}\t{small.entity_words[0]}")
    refuse(INPUT, f"{path}:7", "stranger", "unknown", test=path)


def test_relation_not_in_the_map(refuse, spoilt, small):
    path = spoilt(1, f"{small.entity_words[0]}\tstrange\t{small.entity_words[1]}", "valid")
    refuse(INPUT, f"{path}:1", "strange", valid=path)


@pytest.mark.parametrize("line", ["0\t0\t60", "60\t0\t0", "0\t5\t0", "99999999999999999999\t0\t0"])
def test_id_out_of_range(line, refuse, small, tool):
    path = tool.folder / "ids.txt"
    path.write_text("0\t0\t1\n" + line + "\n")
    refuse(INPUT, f"{path}:2", test=path)


def test_empty_test_set(refuse, tool):
    path = tool.folder / "empty.txt"
    path.write_text("")
    refuse(INPUT, path, test=path)


def test_line_with_a_zero_byte(refuse, spoilt):
    path = spoilt(3, "a\0b\tr\tc")
    refuse(INPUT, f"{path}:3", test=path)


# ---- maps -----------------------------------------------------------------------------------


@pytest.mark.parametrize("line, named", [
    ("x\te", ":3"), ("2", ":3"), ("-1\te", ":3"), ("1\tanother", ":3"), ("2\te0-0", ":3"),
    ("7000\te", "")])
def test_map_that_is_no_map(line, named, refuse, small, tool):
    lines = (small.folder / "entities.tsv").read_text().splitlines()
    path = tool.folder / "entities.tsv"
    path.write_text("\n".join(lines[:2] + [line] + lines[3:]) + "\n")
    refuse(INPUT, f"{path}{named}", entities=path)


# ---- tensors --------------------------------------------------------------------------------


@pytest.fixture
def model(small, tool):
    def model(content):
        path = tool.folder / "model.safetensors"
        path.write_bytes(content if isinstance(content, bytes) else safetensors(content))
        return path
    return model


def test_missing_tensor(refuse, model, small):
    entity, relation = small.tensors().values()
    path = model({"embeddings": entity, "relation_embeddings.weight": relation})
    refuse(INPUT, path, "entity_embeddings.weight", "embeddings", model=path)


def test_entity_table_of_another_size(refuse, model, small):
    tensors = small.tensors()
    tensors["entity_embeddings.weight"] = tensors["entity_embeddings.weight"][:-1]
    path = model(tensors)
    refuse(INPUT, path, "entity_embeddings.weight", "59", "60", model=path)


def test_relation_table_of_another_width(refuse, model, small):
    tensors = small.tensors()
    tensors["relation_embeddings.weight"] = tensors["relation_embeddings.weight"][:, :-1]
    path = model(tensors)
    refuse(INPUT, path, "relation_embeddings.weight", "15", "16", model=path)


def test_odd_width_for_complex_numbers(refuse, model, small):
    path = model({name: table[:, :-1] for name, table in small.tensors().items()})
    refuse(INPUT, path, "15", model=path, scorer="complex")


def test_one_dimension(refuse, model, small):
    tensors = small.tensors()
    tensors["entity_embeddings.weight"] = tensors["entity_embeddings.weight"].ravel()
    path = model(tensors)
    refuse(INPUT, path, "entity_embeddings.weight", model=path)


def header_of(content):
    size = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8: 8 + size]), content[8 + size:]


def with_header(header, rest):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + rest


def test_wrong_type(refuse, model, small):
    header, rest = header_of(safetensors(small.tensors()))
    header["entity_embeddings.weight"]["dtype"] = "I32"
    path = model(with_header(header, rest))
    refuse(INPUT, path, "entity_embeddings.weight", "I32", "F32", model=path)


def test_relation_table_too_small_for_inverse(refuse):
    refuse(INPUT, "relation_embeddings.weight", "5", "10", inverse="blocks")


def test_relation_model_that_is_no_npy(refuse, small, tool):
    numpy.save(tool.folder / "model.npy", small.entity)
    (tool.folder / "relation.npy").write_bytes(b"\x93NUMPY\x01\x00")
    refuse(INPUT, tool.folder / "relation.npy", model=tool.folder / "model.npy",
           relation_model=tool.folder / "relation.npy")


def lie(change):
    def spoil(content):
        header, rest = header_of(content)
        change(header)
        return with_header(header, rest)
    return spoil


LIES = {
    "empty": lambda content: b"",
    "header size cut short": lambda content: content[:5],
    "header cut short": lambda content: content[:40],
    "data cut short": lambda content: content[:-1],
    "more data than the header tells": lambda content: content + b"1234",
    "header larger than the file": lambda content: struct.pack("<Q", 1 << 40) + content[8:],
    "header size that overflows": lambda content: struct.pack("<Q", 2 ** 64 - 1) + content[8:],
    "header that is no JSON": lambda content: with_header(b"{not json}", b""),
    "header that is no object": lambda content: with_header(b"[1, 2]", b""),
    "deeply nested header": lambda content: with_header(b"[" * 100000, b""),
    "offsets beyond the data":
        lie(lambda h: h["entity_embeddings.weight"].update(data_offsets=[0, 1 << 40])),
    "offsets in reverse":
        lie(lambda h: h["entity_embeddings.weight"].update(data_offsets=[64, 0])),
    "offsets that overlap":
        lie(lambda h: h["relation_embeddings.weight"].update(data_offsets=[0, 320])),
    "shape larger than the offsets":
        lie(lambda h: h["entity_embeddings.weight"].update(shape=[60, 17])),
    "shape whose product overflows":
        lie(lambda h: h["entity_embeddings.weight"].update(shape=[2 ** 33, 2 ** 33])),
    "negative shape":
        lie(lambda h: h["entity_embeddings.weight"].update(shape=[-60, -16])),
    "shape that is a text":
        lie(lambda h: h["entity_embeddings.weight"].update(shape="60 16")),
    "no offsets": lie(lambda h: h["entity_embeddings.weight"].pop("data_offsets")),
}


@pytest.mark.parametrize("what", LIES)
def test_safetensors_that_lie(what, refuse, model, small):
    path = model(LIES[what](safetensors(small.tensors())))
    refuse(INPUT, path, model=path)


def test_weights_that_are_not_numbers(refuse, model, small):
    tensors = {name: table.copy() for name, table in small.tensors().items()}
    tensors["relation_embeddings.weight"][2, 5] = numpy.nan
    path = model(tensors)
    refuse(INPUT, path, "relation_embeddings.weight", "NaN", "2", "5", model=path)


# ---- settings -------------------------------------------------------------------------------


def write_run_file(tool, small, **changes):
    flags = small.flags()
    values = {str(key)[2:].replace("-", "_"): value for key, value in zip(flags[::2], flags[1::2])}
    values |= changes
    path = tool.folder / "run.yaml"
    path.write_text("".join(f"{key}: {value}\n" for key, value in values.items()))
    return path


@pytest.mark.parametrize("changes, named", [
    ({"scoer": "distmult"}, ["scoer", "scorer"]),
    ({"scorer": "distmul"}, ["scorer", "distmul", "distmult"]),
    ({"workers": "many"}, ["workers", "many"]),
    ({"workers": "0"}, ["workers", "0", "1"]),
    ({"sides": "[head, tial]"}, ["sides", "tial", "tail"]),
    ({"filter": "[train, {a: b}]"}, ["nested"]),
    ({"limit": "-3"}, ["limit", "-3"]),
])
def test_unknown_key_or_value_in_the_run_file(changes, named, small, tool):
    path = write_run_file(tool, small, **changes)
    number = list(path.read_text().splitlines()).index(
        next(f"{key}: {value}" for key, value in changes.items())) + 1
    message = tool.refuse("run", path, code=USAGE)
    for word in [f"run.yaml:{number}", *named]:
        assert word in message, f"{word} is not in: {message}"
    assert not list(tool.folder.glob("*.db*"))


def test_run_file_that_is_no_yaml(tool):
    (tool.folder / "run.yaml").write_text("scorer: [distmult\ntrain: x\n")
    assert "run.yaml:" in tool.refuse("run", "run.yaml", code=USAGE)


def test_unknown_flag_and_unknown_value(refuse):
    assert "--scorer" in refuse(USAGE, "--scoer", arguments=["--scoer", "distmult"])
    assert "complex" in refuse(USAGE, "complx", scorer="complx")


@pytest.mark.parametrize("missing", ["model", "scorer", "test"])
def test_missing_setting(missing, refuse):
    refuse(USAGE, missing, **{missing: None})


def test_missing_database(small, tool):
    assert "--db" in tool.refuse("run", *small.flags(), code=USAGE)


# ---- databases ------------------------------------------------------------------------------


@pytest.fixture
def done(small, tool):
    """A complete run, and its bytes."""
    tool.run("run.db", *small.flags())
    return (tool.folder / "run.db").read_bytes()


def assert_unchanged(tool, before):
    assert (tool.folder / "run.db").read_bytes() == before


def test_database_of_another_run(done, small, tool):
    test = tool.folder / "other.txt"
    test.write_text(small.lines("test") * 2)
    message = tool.refuse("run", "--quiet", "--db", "run.db",
                          *small.flags(test=test, seed=3), "--sides", "head", code=USAGE)
    for word in ("run.db", "seed", "sides", "test"):
        assert word in message, message
    assert "scorer" not in message and "train" not in message
    assert_unchanged(tool, done)


def test_database_of_a_newer_schema(done, small, tool):
    connection = sqlite3.connect(tool.folder / "run.db")
    connection.execute("update run set value = '99' where key = 'schema_version'")
    connection.commit()
    connection.close()
    before = (tool.folder / "run.db").read_bytes()
    for words in (["run", "--db", "run.db", *small.flags()], ["report", "run.db"],
                  ["status", "run.db"]):
        message = tool.refuse(*words, code=USAGE)
        assert "run.db" in message and "99" in message
    assert_unchanged(tool, before)


def test_file_that_is_no_database(small, tool):
    (tool.folder / "run.db").write_text("these are notes, and not a database at all\n" * 50)
    before = (tool.folder / "run.db").read_bytes()
    message = tool.refuse("run", "--db", "run.db", *small.flags(), code=INPUT)
    assert "run.db" in message
    assert_unchanged(tool, before)


def test_folder_that_is_not_there(small, tool):
    message = tool.refuse("run", "--db", "absent/run.db", *small.flags(), code=RESOURCE)
    assert "absent" in message


@pytest.mark.parametrize("command", ["status", "report", "export", "explain"])
def test_database_that_is_not_there(command, tool):
    message = tool.refuse(command, "absent.db", *(["--out", "x.tsv"] * (command == "export")),
                          code=RESOURCE)
    assert "absent.db" in message
    assert not list(tool.folder.iterdir())


def test_database_in_use(large, tool, slowly):
    first = tool.start("run", "--quiet", "--db", "run.db", *large.flags(), "--unit-questions", 25,
                       env=slowly)
    try:
        wait_until(lambda: units_done(tool) > 0, first)
        message = tool.refuse("run", "--quiet", "--db", "run.db", *large.flags(), code=RESOURCE)
        assert "run.db" in message and "another" in message
    finally:
        first.terminate()
        first.communicate()
    assert first.returncode == 143


def test_network_file_system(small, tool, shim):
    env = {"LD_PRELOAD": str(shim), "MILLRACE_SHIM_STATFS": "0x6969"}
    message = tool.refuse("run", "--quiet", "--db", "run.db", *small.flags(), code=RESOURCE,
                          env=env)
    assert "run.db" in message and "NFS" in message and "--db" in message
    assert not list(tool.folder.glob("run.db*"))


@pytest.mark.parametrize("room", [0, 5000, 60000, 120000, 180000])
def test_full_disk_loses_nothing(room, small, tool, shim):
    env = {"LD_PRELOAD": str(shim), "MILLRACE_SHIM_ROOM": str(room)}
    flags = [*small.flags(), "--unit-questions", 2, "--unit-candidates", 20]
    message = tool.refuse("run", "--quiet", "--db", "run.db", *flags, code=RESOURCE, env=env)
    assert "run.db" in message and ("full" in message or "space" in message), message
    tool.run("run.db", *flags)
    assert tool.digest("run.db") == small.expected_digest()


# ---- workers --------------------------------------------------------------------------------


def test_worker_of_another_version(small, tool, odd_worker):
    tool.bin = programs_with(odd_worker, tool.folder / "bin")
    result = tool.run("run.db", *small.flags(), code=1, env={"MILLRACE_ODD_WIRE": "99"})
    assert "version" in result.stderr, result.stderr
    tool.bin = BIN
    tool.run("run.db", *small.flags())
    assert tool.digest("run.db") == small.expected_digest()


def test_worker_that_is_missing(small, tool):
    tool.bin = programs_with(BIN / "millrace-worker", tool.folder / "bin")
    (tool.bin / "millrace-worker").unlink()
    message = tool.refuse("run", "--quiet", "--db", "run.db", *small.flags(), code=RESOURCE)
    assert "millrace-worker" in message


def test_worker_that_cannot_reach_a_coordinator(tool):
    words = [BIN / "millrace-worker", "--connect", f"ipc://{tool.folder}/nobody", "--patience", "1"]
    result = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert result.returncode == RESOURCE
    assert result.stderr.startswith("millrace-worker: ") and "nobody" in result.stderr


def test_pipe_is_no_run_file_and_no_database(tool):
    os.mkfifo(tool.folder / "pipe")
    assert "pipe" in tool.refuse("run", "pipe", code=RESOURCE)
    assert "pipe" in tool.refuse("status", "pipe", code=RESOURCE)


def test_empty_filter_is_the_default_one(small, tool):
    tool.run("run.db", *small.flags(), "--filter", "")
    assert tool.digest("run.db") == small.expected_digest()
