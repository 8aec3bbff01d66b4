"""Named tensors as bytes, in the safetensors format: a header in JSON and plain numbers, nothing that could be run.

A scorer takes a participant's weights in no other form. Environments are copied one by one, so each that needs this file
has its own copy; a test keeps the copies alike.
"""

import json
import math
import struct

import torch

TYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64, "I32": torch.int32, "U8": torch.uint8, "BOOL": torch.bool}
MAX_HEADER_BYTES = 8 * 1024 * 1024


class Malformed(Exception):
    """These bytes are not what was asked for; the text says why."""


def write(file, tensors):
    """Writes a dict of name to tensor; all on the processor."""
    names = {dtype: name for name, dtype in TYPES.items()}
    header, at = {}, 0
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write(struct.pack("<Q", len(text)) + text)
    for tensor in tensors.values():
        # Through a view of bytes, because numpy has no bfloat16.
        flat = tensor.detach().contiguous().reshape(-1)
        file.write(memoryview(flat.view(torch.uint8).numpy()) if flat.dtype != torch.bool else memoryview(flat.to(torch.uint8).numpy()))


def _exactly(read, count):
    parts = []
    while count:
        part = read(min(count, 1 << 24))
        if not part:
            raise Malformed("they end too early")
        parts.append(part)
        count -= len(part)
    return bytearray().join(parts)


def read_header(read, max_bytes):
    """Reads and checks the header through `read(n)`. Returns (name, dtype, shape) in the order of the bytes that follow."""
    (length,) = struct.unpack("<Q", _exactly(read, 8))
    if length > MAX_HEADER_BYTES:
        raise Malformed("the header has %d bytes" % length)
    try:
        header = json.loads(_exactly(read, length).decode("utf-8"))
        header.pop("__metadata__", None)
        entries = sorted((entry["data_offsets"], name, TYPES[entry["dtype"]], entry["shape"]) for name, entry in header.items())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Malformed("the header cannot be read") from None
    at, listed = 0, []
    for offsets, name, dtype, shape in entries:
        if type(shape) is not list or not all(type(n) is int and 0 <= n < 2**40 for n in shape):
            raise Malformed("%r has an impossible shape" % name)
        size = math.prod(shape) * torch.empty(0, dtype=dtype).element_size()
        if offsets != [at, at + size]:
            raise Malformed("%r does not lie where it should" % name)
        at += size
        if at > max_bytes:
            raise Malformed("there are more than %d bytes of numbers" % max_bytes)
        listed.append((name, dtype, shape))
    return listed


def read_tensors(read, listed):
    """The tensors of a header, one after another as (name, tensor)."""
    for name, dtype, shape in listed:
        size = math.prod(shape) * torch.empty(0, dtype=dtype).element_size()
        raw = _exactly(read, size)
        numbers = torch.frombuffer(raw, dtype=torch.uint8 if dtype == torch.bool else dtype) if size else torch.empty(0, dtype=dtype)
        yield name, (numbers != 0 if dtype == torch.bool else numbers).reshape(shape)


def read_file(path):
    with open(path, "rb") as file:
        return dict(read_tensors(file.read, read_header(file.read, 2**40)))
