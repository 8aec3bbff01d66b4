"""Weights in the safetensors format: a header in JSON and plain numbers, nothing that could be run. With numpy alone."""

import json
import math
import os
import struct

import numpy

TYPES = {"F32": numpy.float32, "F16": numpy.float16, "BF16": numpy.uint16}
MAX_HEADER_BYTES = 8 * 1024 * 1024
CHUNK = 1 << 24


class Malformed(Exception):
    """These files hold no weights that can be read; the text says why."""


def write(path, tensors):
    """Writes a dict of name to array of float32."""
    header, at = {}, 0
    for name, value in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [at, at + value.nbytes]}
        at += value.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for value in tensors.values():
            file.write(numpy.ascontiguousarray(value, dtype=numpy.float32).tobytes())


def _read_file(path):
    with open(path, "rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else MAX_HEADER_BYTES + 1
        if length > MAX_HEADER_BYTES:
            raise Malformed("%s has no header of this format" % os.path.basename(path))
        try:
            header = json.loads(file.read(length).decode("utf-8"))
            header.pop("__metadata__", None)
            entries = sorted((entry["data_offsets"][0], name, entry["dtype"], entry["shape"]) for name, entry in header.items())
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise Malformed("the header of %s cannot be read" % os.path.basename(path)) from None
        at = 0
        for begin, name, dtype, shape in entries:
            if dtype not in TYPES:
                raise Malformed("%r is of type %s; F32, F16 or BF16 was expected" % (name, dtype))
            if type(shape) is not list or not all(type(n) is int and 0 <= n < 2**40 for n in shape) or begin != at:
                raise Malformed("%r has an impossible shape, or does not lie where it should" % name)
            count = math.prod(shape)
            at += count * numpy.dtype(TYPES[dtype]).itemsize
            if 8 + length + at > os.fstat(file.fileno()).st_size:
                raise Malformed("%s ends too early" % os.path.basename(path))
            yield name, (dtype, tuple(shape), numpy.fromfile(file, TYPES[dtype], count))


def read(directory, max_bytes):
    """All weights below `directory`, as a dict of name to (type, shape, the numbers as they are stored). Links are not followed."""
    if os.path.islink(directory) or not os.path.isdir(directory):
        raise Malformed("there is no folder trained_model, or it is a link")
    paths = [os.path.join(directory, name) for name in sorted(os.listdir(directory)) if name.endswith(".safetensors")]
    if not paths:
        raise Malformed("there is no file *.safetensors in trained_model")
    for path in paths:
        if os.path.islink(path) or not os.path.isfile(path):
            raise Malformed("%s is no file of its own" % os.path.basename(path))
    if sum(os.path.getsize(path) for path in paths) > max_bytes:
        raise Malformed("its files have more than %d bytes" % max_bytes)
    found = {}
    for path in paths:
        for name, value in _read_file(path):
            if name in found:
                raise Malformed("%r is there twice" % name)
            found[name] = value
    return found


def _numbers(dtype, raw):
    # numpy has no bfloat16: it is the upper half of a float32.
    return (raw.astype(numpy.uint32) << 16).view(numpy.float32) if dtype == "BF16" else raw.astype(numpy.float32)


def unlike(one, other):
    """Names of weights that are not in both, or not with the same type and shape."""
    return sorted(name for name in set(one) | set(other) if name not in one or name not in other or one[name][:2] != other[name][:2])


def l1_distance(one, other):
    """The sum, over all weights, of how far they differ. Both have the same names, types and shapes."""
    total = 0.0
    for name, (dtype, _shape, raw) in one.items():
        for at in range(0, len(raw), CHUNK):
            part = slice(at, at + CHUNK)
            total += float(numpy.abs(_numbers(dtype, raw[part]) - _numbers(dtype, other[name][2][part])).sum(dtype=numpy.float64))
    return total
