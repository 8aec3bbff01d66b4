"""Scores a masked language model of restricted architecture. Runs in the scorer's view.

A child loads the participant's model and records its forward pass on random tokens. Here the record is held against the
rules and run on the hidden text.
"""

import json
import math
import os
import resource
import secrets
import select
import struct
import subprocess
import time

import numpy
import torch

from assets import confined, tensors
from assets.program import Forbidden, Program

ASSETS = os.path.dirname(os.path.abspath(__file__))
FLOOR = 1.5
MASKED_SHARE = 0.15
LOAD_LIMIT_SECONDS = 120
MAX_PROGRAM_BYTES = 64 * 1024 * 1024


class Invalid(Exception):
    """The submission has no score; `fields` is the message to the participant."""

    def __init__(self, reason, **fields):
        super().__init__(reason)
        self.fields = dict(fields, reason=reason)


def record(t, probe):
    """What the model's forward pass does: the program, its numbers, what the model gave for `probe`, and how it was confined."""
    source = "".join(open(os.path.join(ASSETS, name)).read() for name in ("tensors.py", "child.py"))
    reading, writing = os.pipe()
    given, giving = os.pipe()
    arguments = [str(n) for n in (writing, t["batch"], t["length"], t["vocabulary"])]
    process, how = confined.start(source, arguments, os.path.join(confined.HOME, "solution"), pass_fds=(writing,), stdin=given)
    os.close(writing)
    os.close(given)
    deadline = time.monotonic() + LOAD_LIMIT_SECONDS

    def read(count):
        if not select.select([reading], [], [], max(0, deadline - time.monotonic()))[0]:
            raise Invalid("Loading and recording the model took longer than %d s." % LOAD_LIMIT_SECONDS, timed_out=True)
        return os.read(reading, count)

    def exactly(count):
        text = b""
        while len(text) < count:
            part = read(count - len(text))
            if not part:
                raise tensors.Malformed("it ends too early")
            text += part
        return text

    try:
        with os.fdopen(giving, "wb") as pipe:
            try:
                pipe.write(probe.numpy().tobytes())
            except BrokenPipeError:
                pass
        first = read(1)
        if first == b"!":
            raise Invalid(read(4096).decode("utf-8", "replace"))
        if first != b"=":
            # One that has closed its end may live on.
            try:
                code = process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                raise Invalid("The model's process closed its connection before it had answered.") from None
            raise Invalid("The model's process ended before it had answered (exit code %d)." % code, **({"out_of_memory": True} if code in (-9, 137) else {}))
        (size,) = struct.unpack("<Q", exactly(8))
        if size > MAX_PROGRAM_BYTES:
            raise tensors.Malformed("the list of operations has %d bytes" % size)
        program = json.loads(exactly(size))
        constants = dict(tensors.read_tensors(read, tensors.read_header(read, t["max_constant_bytes"])))
        shown = constants.pop("probe", None)
    except (tensors.Malformed, ValueError, RecursionError) as error:
        raise Invalid("The model could not be taken over: %s." % error) from None
    finally:
        confined.end(process)
        os.close(reading)
    if shown is None or list(shown.shape) != [t["batch"], t["length"], t["vocabulary"]]:
        raise Invalid("The model could not be taken over: it gave no logits.")
    return program, constants, shown, how


def masked(t, text, seed):
    """Batches of (tokens with some of them masked, tokens, where they are masked), the same in every score."""
    from assets.language import generator

    random = generator(seed, "masks")
    rows = t["batch"] * t["batches"]
    starts = numpy.linspace(0, len(text) - t["length"], rows).astype(int)
    for part in numpy.array_split(starts, t["batches"]):
        tokens = torch.from_numpy(numpy.stack([text[at : at + t["length"]] for at in part]).astype(numpy.int64))
        hidden = torch.from_numpy(random.random(tokens.shape) < MASKED_SHARE)
        yield torch.where(hidden, torch.tensor(t["mask"]), tokens), tokens, hidden


def score(t):
    """One row of the score log: ln(loss - 1.5) over the masked tokens of the hidden text."""
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        # A list of operations may ask for any amount of memory; refused here, it is a reason and not the end of the scorer.
        resource.setrlimit(resource.RLIMIT_AS, (t["max_memory_bytes"],) * 2)
    details = {"torch": torch.__version__}
    if not os.path.isfile(os.path.join(confined.HOME, "solution", "model.py")):
        return {"score": math.nan, "message": {"reason": "There is no file solution/model.py."}, "details": details}
    with open(os.path.join(confined.PROTECTED, "seed")) as file:
        seed = file.read()
    text = numpy.fromfile(os.path.join(confined.PROTECTED, "heldout.bin"), dtype=numpy.uint16)
    begun = time.monotonic()
    try:
        probe = torch.from_numpy(numpy.random.default_rng(secrets.randbits(64)).integers(0, t["vocabulary"], (t["batch"], t["length"])))
        described, constants, shown, details["confinement"] = record(t, probe)
        with torch.no_grad():
            program = Program(described, constants, device)
            details["operations"] = program.operations
            again = program.run(probe.to(device))
            close = isinstance(again, torch.Tensor) and again.shape == shown.shape and torch.allclose(again.float().cpu(), shown, rtol=1e-2, atol=1e-2)
            if not close:
                raise Forbidden(
                    "the forward pass gives something else than its recorded operations do. It computes with Python or numpy, "
                    "takes other ways for other tokens, or changes a tensor in place"
                )
            total, count = 0.0, 0
            for tokens, targets, hidden in masked(t, text, seed):
                logits = program.run(tokens.to(device)).float()[hidden.to(device)]
                total += torch.nn.functional.cross_entropy(logits, targets[hidden].to(device), reduction="sum").item()
                count += int(hidden.sum())
                if time.monotonic() - begun > t["limit_seconds"]:
                    raise Invalid("Scoring took longer than %d s." % t["limit_seconds"], timed_out=True)
        loss = total / count
        if not math.isfinite(loss):
            raise Invalid("The loss is not a finite number.")
        if loss <= FLOOR:
            raise Invalid("The loss is %.4f; text like this cannot be predicted with less than %.1f." % (loss, FLOOR))
    except confined.Escapes as error:
        return {"score": math.nan, "message": {"reason": str(error)}, "details": details}
    except Forbidden as error:
        return {"score": math.nan, "message": {"reason": "Not allowed: %s." % error}, "details": details}
    except MemoryError:
        return {"score": math.nan, "message": {"reason": "The forward pass needs too much memory.", "out_of_memory": True}, "details": details}
    except Invalid as invalid:
        return {"score": math.nan, "message": invalid.fields, "details": details}
    return {"score": math.log(loss - FLOOR), "message": {"loss": round(loss, 4), "seconds": round(time.monotonic() - begun, 1)}, "details": details}
