"""Safetensors files: a JSON header with each tensor's type, shape and place, then the numbers.

    write(path, {"name": array, ...}, metadata={"key": "text"})    float32
    read(path) -> {"name": array}                                  in the types of the file, BF16 as
                                                                   float32; ValueError: what is wrong

Used by ops/import/policy, ops/countries/train, tests/bench/prove_bench.py (of ops/bench) and tests.
"""
import json
import math
import struct

import numpy

TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2",
         "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
         "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?"}


def encode(tensors, metadata=None):
    """The bytes of a file that holds `tensors`, a dict of arrays, as float32."""
    header = {"__metadata__": metadata} if metadata else {}
    parts, at = [], 0
    for name, array in tensors.items():
        part = numpy.ascontiguousarray(array, "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(numpy.shape(array)),
                        "data_offsets": [at, at + len(part)]}
        parts.append(part)
        at += len(part)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(parts)


def write(path, tensors, metadata=None):
    with open(path, "wb") as file:
        file.write(encode(tensors, metadata))


def read_header(data):
    """(the header, where the numbers begin)"""
    if not data:
        raise ValueError("is empty")
    if data.startswith((b"PK\3\4", b"\x80\2", b"\x80\3", b"\x80\4", b"\x80\5")):
        raise ValueError("is a PyTorch file or a pickle, not safetensors; call it .pt")
    start = 8 + int.from_bytes(data[:8], "little")
    if len(data) < 8 or start > len(data):
        raise ValueError(f"a header of {start - 8} bytes in a file of {len(data)}: is cut short, or "
                         "not safetensors")
    try:
        header = json.loads(data[8:start])
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise ValueError("the header is not a JSON object; is it safetensors?")
    header.pop("__metadata__", None)
    return header, start


def are_whole(numbers):
    return isinstance(numbers, list) and all(type(number) is int and number >= 0
                                             for number in numbers)


def read_tensor(name, entry, data):
    """One tensor as an array; `data` are the numbers of all."""
    entry = entry if isinstance(entry, dict) else {}
    kind, shape, offsets = (entry.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not isinstance(kind, str) or not are_whole(shape) or not are_whole(offsets) \
            or len(offsets) != 2:
        raise ValueError(f"tensor {name}: its entry lacks a proper dtype, shape or data_offsets")
    if kind not in TYPES:
        raise ValueError(f"tensor {name}: dtype {kind}, expected F64, F32, F16 or BF16")
    first, end = offsets
    if not first <= end <= len(data):
        raise ValueError(f"tensor {name}: its data is bytes {first} to {end}, but the file holds "
                         f"{len(data)} bytes of data; is it cut short?")
    size = math.prod(shape) * numpy.dtype(TYPES[kind]).itemsize
    if end - first != size:
        raise ValueError(f"tensor {name}: {end - first} bytes of data, expected {size} for its "
                         "shape and dtype")
    array = numpy.frombuffer(data[first:end], TYPES[kind]).reshape(shape)
    return (array.astype("<u4") << 16).view("<f4") if kind == "BF16" else array


def read(path):
    """A dict of arrays, in the order of the file."""
    with open(path, "rb") as file:
        data = file.read()
    header, start = read_header(data)
    data = memoryview(data)[start:]
    return {name: read_tensor(name, entry, data) for name, entry in header.items()}
