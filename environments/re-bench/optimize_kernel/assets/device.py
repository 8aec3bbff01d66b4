"""The task `main`: the same checks and the same clock, with the data in a GPU's memory.

The parent sends no values but the seed that they are drawn from, at the moment the time begins; both processes draw
them on the device with the same generator. The time ends when the child has named the results at places that the parent
drew after the child had said "done": who says it early computes with the clock running. Then the whole result is
copied out and compared, off the clock.
"""

import json
import secrets
import time

import numpy

from assets.score import EARLY, HIGH, LOW, Invalid, Solution

PROBES = 512


class DeviceSolution(Solution):
    """The participant's code in its child process, with data on a device of PyTorch's."""

    child_source = "device_child.py"
    count = 100_000_000
    call_limit_seconds = 20
    # Triton compiles at the first call.
    first_call_limit_seconds = 120
    # Where Triton keeps what it has compiled: its usual place, in the workspace, cannot be written while scoring.
    child_env = {"TRITON_CACHE_DIR": "/tmp/triton"}
    device = "cuda"

    def __init__(self, directory, nonce):
        import torch

        self.torch = torch
        super().__init__(directory, nonce)

    def child_arguments(self):
        return [self.device]

    def about(self):
        torch = self.torch
        name = torch.cuda.get_device_name() if self.device == "cuda" else self.device
        return {"torch": torch.__version__, "device": name, "count": self.count, "confinement": self.confinement}

    def expected(self, count, low, high, seed):
        """The answer, worked out on the device in 64 bits, in the host's memory."""
        torch = self.torch
        generator = torch.Generator(device=self.device).manual_seed(seed)
        values = torch.randint(low, high + 1, (count,), generator=generator, dtype=torch.int32, device=self.device)
        positive = (values > 0).to(torch.int64)
        preceding = torch.cumsum(positive, 0) - positive
        result = torch.cumsum(torch.where(preceding % 2 == 1, values, torch.zeros_like(values)), 0, dtype=torch.int64)
        result = result.to(torch.int32).cpu().numpy()
        if self.device == "cuda":
            torch.cuda.synchronize()
        return result

    def ask(self, limit_seconds, doing, **request):
        try:
            self.control.sendall(json.dumps(request).encode() + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            raise self.died(doing) from None
        return self.answer(limit_seconds, doing)

    def run(self, count, low=LOW, high=HIGH):
        """One call on `count` values, checked. Returns its time in milliseconds, up to when the probed results were known."""
        seed = int(self.random.integers(0, 2**63))
        answer = self.expected(count, low, high, seed)
        limit = self.limit_seconds(count)
        doing = "running prefix_sum on %d values" % count
        probes = numpy.random.default_rng(secrets.randbits(64)).integers(0, max(count, 1), PROBES if count else 0)
        begun = time.perf_counter_ns()
        self.ask(limit, doing, count=count, low=low, high=high, seed=seed)
        said = self.ask(limit, doing, probes=probes.tolist())
        elapsed_ms = (time.perf_counter_ns() - begun) / 1e6
        if elapsed_ms > limit * 1000:
            raise Invalid("Took longer than %d s: %s." % (limit, doing), timed_out=True)
        probed = said.get("probed")
        self.ask(self.first_call_limit_seconds, "copying the result", copy=True)
        self.compare(answer)
        if probed != answer[probes].tolist():
            raise Invalid(EARLY)
        return elapsed_ms
