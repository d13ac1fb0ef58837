"""Safetensors files: a JSON header with each tensor's type, shape and place, then the numbers.

    write(path, {"name": array, ...}, metadata={"key": "text"})    float32
    read(path) -> {"name": array}                                  as float32 or float64

Used by ops/import/policy, ops/countries/train, ops/bench-prove and tests/e2e/test_import.py.
"""
import json
import struct

import numpy

TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}


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


def read(path):
    """A dict of arrays, in the order of the file."""
    with open(path, "rb") as file:
        data = file.read()
    start = 8 + struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        first, end = entry["data_offsets"]
        array = numpy.frombuffer(data[start + first:start + end], TYPES[entry["dtype"]])
        tensors[name] = array.reshape(entry["shape"])
    return tensors
