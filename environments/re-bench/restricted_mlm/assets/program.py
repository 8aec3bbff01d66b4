"""Runs a recorded forward pass: a list of operations, each of which has to be one of those that the rules allow.

The model's own code never sees the text that it is scored on, so nothing but these operations can act on it.
"""

import torch

MAX_STEPS = 20_000
MAX_ELEMENTS = 2**28

# What the rules allow, as PyTorch names it underneath. In-place forms are left out: they make it hard to say what depends on what.
ALLOWED = frozenset(
    "aten." + name
    for name in (
        # Linear, matmul, @, einsum
        "linear.default matmul.default mm.default bmm.default mv.default dot.default addmm.default addmv.default baddbmm.default "
        # Embedding
        "embedding.default "
        # sum, addition, multiplication
        "sum.default sum.dim_IntList add.Tensor add.Scalar mul.Tensor mul.Scalar "
        # the one nonlinearity
        "relu.default "
        # indexing, reshaping, gathering, joining, strided views
        "index.Tensor index_select.default gather.default select.int slice.Tensor take_along_dim.default narrow.default "
        "view.default _unsafe_view.default reshape.default _reshape_alias.default flatten.using_ints permute.default transpose.int "
        "t.default unsqueeze.default squeeze.default squeeze.dim expand.default as_strided.default unfold.default cat.default "
        "stack.default split.Tensor split_with_sizes.default unbind.int clone.default contiguous.default alias.default detach.default"
    ).split()
)
# How numbers lie in memory; it changes none of them.
LAYOUTS = {"torch.contiguous_format": torch.contiguous_format, "torch.preserve_format": torch.preserve_format}
HINTS = {
    "aten.sub.Tensor": "write a + (-1) * b",
    "aten.rsub.Scalar": "write a + (-1) * b",
    "aten.neg.default": "write (-1) * a",
    "aten.div.Tensor": "division is not allowed; multiply by a constant",
    "aten.convolution.default": "write a convolution with as_strided, or indexing, and a matrix product",
}


class Forbidden(Exception):
    """The list cannot be run; the text says which rule it breaks."""


def _name(step):
    operation = step.get("operation") if isinstance(step, dict) else None
    if not isinstance(operation, str):
        raise Forbidden("the recorded operations cannot be read")
    if operation not in ALLOWED:
        hint = HINTS.get(operation) or ("write it without changing a tensor in place" if operation.split(".")[1:2] and operation.split(".")[1].endswith("_") else None)
        raise Forbidden("the forward pass uses %s, which is not an allowed operation%s" % (operation[:100], "" if hint is None else ": " + hint))
    return operation


class Program:
    def __init__(self, described, constants, device):
        if not isinstance(described, dict) or not isinstance(described.get("steps"), list) or len(described["steps"]) > MAX_STEPS:
            raise Forbidden("the recorded operations cannot be read, or are more than %d" % MAX_STEPS)
        self.constants = {name: value.to(device) for name, value in constants.items()}
        self.steps = []
        for step in described["steps"]:
            names = _name(step).split(".")
            arguments, named = step.get("arguments"), step.get("named")
            if not isinstance(arguments, list) or not isinstance(named, dict):
                raise Forbidden("the recorded operations cannot be read")
            # Whole numbers could be looked up in a table of any function.
            if named.get("dtype") is not None:
                raise Forbidden("the forward pass turns numbers into ones of another type")
            self.steps.append((getattr(getattr(torch.ops.aten, names[1]), names[2]), arguments, named))
        self.result = described.get("result")
        self.operations = sorted({step["operation"] for step in described["steps"]})
        # When each intermediate result is used for the last time, so that it need not be kept longer.
        self.last_use = {}
        for at, (_, arguments, named) in enumerate(self.steps):
            for used in self._steps_in([arguments, list(named.values())]):
                self.last_use[used] = at
        for used in self._steps_in(self.result):
            self.last_use[used] = len(self.steps)

    def _steps_in(self, value):
        if isinstance(value, list):
            for item in value:
                yield from self._steps_in(item)
        elif isinstance(value, dict) and type(value.get("step")) is int:
            yield value["step"]

    def _value(self, described, tokens, results):
        if isinstance(described, list):
            return [self._value(item, tokens, results) for item in described]
        if not isinstance(described, dict):
            return described
        if described.get("tokens") is True:
            return tokens
        if isinstance(described.get("constant"), str) and described["constant"] in self.constants:
            return self.constants[described["constant"]]
        if type(described.get("step")) is int and described["step"] in results and type(described.get("part")) is int:
            parts = results[described["step"]]
            if 0 <= described["part"] < len(parts):
                return parts[described["part"]]
        if described.get("other") in LAYOUTS:
            return LAYOUTS[described["other"]]
        if "other" in described:
            raise Forbidden("the forward pass gives an operation %s, which is not allowed" % str(described["other"])[:100])
        raise Forbidden("the recorded operations cannot be read")

    def run(self, tokens):
        """The result for tokens of the shape that was recorded."""
        results = {}
        for at, (operation, arguments, named) in enumerate(self.steps):
            try:
                result = operation(*self._value(arguments, tokens, results), **{name: self._value(value, tokens, results) for name, value in named.items()})
            except (RuntimeError, TypeError, IndexError, ValueError) as error:
                if "alloc" in str(error) or "out of memory" in str(error).lower():
                    raise MemoryError from None
                raise Forbidden("%s does not run on other tokens than it was recorded with: %s" % (operation, str(error)[:300])) from None
            parts = list(result) if isinstance(result, (list, tuple)) else [result]
            if any(part.numel() > MAX_ELEMENTS for part in parts):
                raise MemoryError
            results[at] = parts
            for used in [used for used in results if self.last_use.get(used, -1) <= at]:
                del results[used]
        return self._value(self.result, tokens, results)
