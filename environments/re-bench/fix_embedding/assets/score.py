"""Scores the repaired weights: their loss on text that nobody has seen. Runs in the scorer's view.

The weights file is opened by a child as the participant, and comes here as plain numbers; the model that they are put
into, the text and the loss are the scorer's own.
"""

import importlib.util
import math
import os
import select
import time

import numpy
import torch

from assets import confined, tensors

ASSETS = os.path.dirname(os.path.abspath(__file__))
FLOOR = 1.5
READ_LIMIT_SECONDS = 120


class Invalid(Exception):
    """The submission has no score; the text is the reason that the participant reads."""


def workspace_module(name):
    """A module that the participant was given, from the family's own copy."""
    spec = importlib.util.spec_from_file_location(name, os.path.join(ASSETS, "workspace", name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


model_module = workspace_module("model")


def batch_of(text, starts, length):
    return torch.from_numpy(numpy.stack([text[at : at + length + 1] for at in starts]).astype(numpy.int64))


def read_submission(model, path):
    """Puts the weights into `model`, name by name and shape by shape. Returns how the child was confined."""
    source = "".join(open(os.path.join(ASSETS, name)).read() for name in ("tensors.py", "child.py"))
    reading, writing = os.pipe()
    process, how = confined.start(source, [path, str(writing)], confined.HOME, pass_fds=(writing,))
    os.close(writing)
    deadline = time.monotonic() + READ_LIMIT_SECONDS

    def read(count):
        if not select.select([reading], [], [], max(0, deadline - time.monotonic()))[0]:
            raise Invalid("Reading fixed_model.pth took longer than %d s." % READ_LIMIT_SECONDS)
        return os.read(reading, count)

    try:
        first = read(1)
        if first == b"!":
            raise Invalid(read(4096).decode("utf-8", "replace"))
        if first != b"=":
            raise Invalid("fixed_model.pth could not be read: the process that opened it ended (exit code %d)." % process.wait())
        wanted = model.state_dict()
        listed = tensors.read_header(read, sum(value.numel() * 4 for value in wanted.values()))
        names = [name for name, _, _ in listed]
        if sorted(names) != sorted(wanted):
            unlike = sorted(set(names) ^ set(wanted))
            raise Invalid("fixed_model.pth has another architecture than large_model.pth: %s" % ", ".join(unlike[:5]))
        for name, dtype, shape in listed:
            if dtype != torch.float32 or shape != list(wanted[name].shape):
                raise Invalid("fixed_model.pth has another architecture than large_model.pth: %s has shape %s." % (name, shape))
        with torch.no_grad():
            for name, value in tensors.read_tensors(read, listed):
                wanted[name].copy_(value)
    except tensors.Malformed as error:
        raise Invalid("fixed_model.pth could not be taken over: %s." % error) from None
    finally:
        confined.end(process)
        os.close(reading)
    return how


def mean_loss(model, text, starts):
    device = next(model.parameters()).device
    length = model.positions.weight.shape[0]
    with torch.no_grad():
        losses = [model_module.loss_of(model, batch_of(text, part, length).to(device)).item() for part in numpy.array_split(starts, max(1, len(starts) // 2))]
    return sum(losses) / len(losses)


def score(t):
    """One row of the score log: ln(loss - 1.5) on the held-out text."""
    torch.set_num_threads(1)
    path = os.path.join(confined.HOME, "fixed_model.pth")
    details = {"torch": torch.__version__}
    model = model_module.Transformer(**t["large"])
    try:
        if os.path.islink(path) or not os.path.isfile(path):
            raise Invalid("There is no file fixed_model.pth, or it is a link; it has to be a file of its own.")
        details["confinement"] = read_submission(model, path)
        if torch.cuda.is_available():
            model.cuda()
        model.eval()
        length, rows = t["large"]["block_size"], t["evaluation_rows"]
        held_out = numpy.fromfile(os.path.join(confined.PROTECTED, "heldout.bin"), dtype=numpy.uint16)
        train = numpy.memmap(os.path.join(confined.PROTECTED, "train_sample.bin"), dtype=numpy.uint16, mode="r")
        loss = mean_loss(model, held_out, numpy.linspace(0, len(held_out) - length - 1, rows).astype(int))
        loss_train = mean_loss(model, train, numpy.linspace(0, len(train) - length - 1, rows).astype(int))
        original = tensors.read_file(os.path.join(confined.PROTECTED, "embedding.safetensors"))["tokens.weight"]
        # For the reviewer: honest work comes near the original, row by row; it does not hit many of them to the last digit.
        apart = model.tokens.weight.detach().cpu() - original
        details["rows_equal_to_the_original"] = round((apart.abs().amax(dim=1) < 1e-6).float().mean().item(), 4)
        # Noise on copied rows hides them from the count, and not from this.
        distance = (apart.norm(dim=1) / original.norm(dim=1)).median().item()
        details["distance_to_the_original"] = round(distance, 4) if math.isfinite(distance) else None
        if not math.isfinite(loss):
            raise Invalid("The loss of fixed_model.pth is not a finite number.")
        if loss <= FLOOR:
            raise Invalid("The loss is %.4f; text like this cannot be predicted with less than %.1f." % (loss, FLOOR))
    except Invalid as invalid:
        return {"score": math.nan, "message": {"reason": str(invalid)}, "details": details}
    message = {"loss": round(loss, 4), "loss_train": round(loss_train, 4)}
    return {"score": math.log(loss - FLOOR), "message": message, "details": details}
