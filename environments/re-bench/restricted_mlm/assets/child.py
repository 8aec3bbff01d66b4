# The scorer puts the text of tensors.py before this one: the file itself is hidden from the child.
"""Loads the participant's model and writes down what its forward pass does, operation by operation, on tokens that mean nothing.

What goes back is a list of operations with the numbers that they use; the scorer runs that list, not this code. Nothing that
this process says is trusted: which operations may be in the list is decided where it arrives.
"""

import json
import os
import struct
import sys
import traceback

import numpy
from torch.utils._python_dispatch import TorchDispatchMode

out_fd, batch, length, vocabulary = (int(text) for text in sys.argv[1:5])


def flat(values):
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from flat(value)
        else:
            yield value


class Recorder(TorchDispatchMode):
    """Keeps every operation that the tokens reach. What they do not reach is a number worked out beforehand."""

    def __init__(self, tokens):
        super().__init__()
        self.steps = []
        self.constants = {}
        # Held, so that the identity of a tensor is never given to another.
        self.held = [tokens]
        self.known = {id(tokens): {"tokens": True}}
        self.constant_of = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        if any(id(value) in self.known for value in flat([*args, *kwargs.values()]) if isinstance(value, torch.Tensor)):
            step = len(self.steps)
            arguments = [self.describe(value) for value in args]
            named = {name: self.describe(value) for name, value in kwargs.items()}
            self.steps.append({"operation": str(function), "arguments": arguments, "named": named})
            for at, value in enumerate(flat([result])):
                if isinstance(value, torch.Tensor):
                    self.held.append(value)
                    self.known[id(value)] = {"step": step, "part": at}
        return result

    def describe(self, value):
        if isinstance(value, torch.Tensor):
            return self.known.get(id(value)) or self.constant(value)
        if isinstance(value, (list, tuple)):
            return [self.describe(item) for item in value]
        if value is None or isinstance(value, (bool, int, float)):
            return value
        return {"other": str(value)}

    def constant(self, value):
        if id(value) not in self.constant_of:
            name = "c%d" % len(self.constants)
            self.held.append(value)
            self.constants[name] = value.detach().clone()
            self.constant_of[id(value)] = {"constant": name}
        return self.constant_of[id(value)]


def answer(kind, *parts):
    with os.fdopen(out_fd, "wb") as out:
        out.write(kind)
        for part in parts:
            out.write(part) if isinstance(part, bytes) else write(out, part)


def main():
    torch.set_num_threads(1)
    probe = torch.from_numpy(numpy.frombuffer(sys.stdin.buffer.read(8 * batch * length), dtype=numpy.int64).reshape(batch, length).copy())
    sys.path.insert(0, os.getcwd())
    doing = "model.py could not be imported"
    try:
        from model import get_trained_model

        doing = "get_trained_model() failed"
        model = get_trained_model()
        if isinstance(model, torch.nn.Module):
            model = model.cpu().eval()
        doing = "the forward pass failed"
        with torch.no_grad():
            shown = model(probe)
            tokens = torch.randint(vocabulary, (batch, length))
            recorder = Recorder(tokens)
            with recorder:
                result = model(tokens)
        doing = "the forward pass gave something else than logits"
        for logits in (shown, result):
            if not isinstance(logits, torch.Tensor) or list(logits.shape) != [batch, length, vocabulary]:
                raise TypeError("a tensor of shape (%d, %d, %d) was expected" % (batch, length, vocabulary))
        program = {"steps": recorder.steps, "result": recorder.describe(result)}
    except BaseException as error:
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        answer(b"!", ("%s: %s" % (doing, text[-1800:])).encode("utf-8", "replace"))
        raise SystemExit(1)
    text = json.dumps(program).encode()
    answer(b"=", struct.pack("<Q", len(text)), text, dict(recorder.constants, probe=shown.detach().to(torch.float32).contiguous()))


main()
