"""Checks and times the participant's prefix_sum. Runs in the scorer's view; the solution runs in a child of its own.

The parent draws the data, holds the reference and the clock, and gives each input at the moment its time begins, in
memory that the child cannot write. A result counts when it lies in the parent's memory: what the child says, how it
patches its clocks and what it finds on its own stack change nothing.
"""

import fcntl
import hashlib
import json
import math
import mmap
import os
import secrets
import select
import signal
import socket
import statistics
import subprocess
import time

import numpy

from assets import confined

# Sums of 100,000,000 values between these stay far below the limit of int32.
LOW, HIGH = -100, 100
WARM_UPS = 4
RUNS = 15
SMALL_COUNTS = (0, 1, 2, 3, 64, 1000, 65_537)
IMPORT_LIMIT_SECONDS = 60
DEFAULT_SEED = "plumbline"
EARLY = "The result was still being written after prefix_sum had returned."


class Invalid(Exception):
    """The submission has no score; `fields` is the message to the participant."""

    def __init__(self, reason, **fields):
        super().__init__(reason)
        self.fields = dict(fields, reason=reason)


def expected(values):
    """The answer, in 64 bits: the sum so far of each element that an odd number of positive ones precedes."""
    positive = (values > 0).astype(numpy.int64)
    preceding = numpy.cumsum(positive) - positive
    return numpy.cumsum(numpy.where(preceding & 1, values.astype(numpy.int64), 0)).astype(numpy.int32)


def memory_file(name, size, seals):
    fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    if seals:
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd


class Solution:
    """The participant's code in its child process, with data in the host's memory: numpy."""

    child_source = "child.py"
    count = 5_000_000
    call_limit_seconds = 10
    # A call on few values may be the first of its kind.
    first_call_limit_seconds = 10
    # Added to the child's environment.
    child_env = {}

    def __init__(self, directory, nonce):
        size = self.count * 4
        self.random = numpy.random.default_rng(number_of(nonce))
        # Sealed against a change of size: a shorter file would end the scorer when it reads.
        self.output_fd = memory_file("output", size, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        self.output = numpy.frombuffer(mmap.mmap(self.output_fd, size, prot=mmap.PROT_READ), dtype=numpy.int32)
        self.control, theirs = socket.socketpair()
        with open(os.path.join(os.path.dirname(__file__), self.child_source)) as file:
            source = file.read()
        arguments = [str(theirs.fileno()), str(self.output_fd), str(size)] + self.child_arguments()
        self.process, self.confinement = confined.start(source, arguments, directory, pass_fds=(theirs.fileno(), self.output_fd), env=self.child_env)
        theirs.close()
        try:
            self.answer(IMPORT_LIMIT_SECONDS, "importing solution.py")
        except BaseException:
            self.close()
            raise

    def child_arguments(self):
        return []

    def about(self):
        """What the row's details say of it."""
        return {"numpy": numpy.__version__, "count": self.count, "confinement": self.confinement}

    def answer(self, limit_seconds, doing):
        """Waits for the child's next word, and returns it."""
        text = b""
        deadline = time.monotonic() + limit_seconds
        while not text.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.control], [], [], left)[0]:
                raise Invalid("Took longer than %d s: %s." % (limit_seconds, doing), timed_out=True)
            part = self.control.recv(65_536)
            if not part:
                raise self.died(doing)
            text += part
            if len(text) > 65_536:
                raise Invalid("The solution's process answered with something else than a result.")
        try:
            said = json.loads(text.split(b"\n")[0].decode("utf-8", "replace"))
        except ValueError:
            said = {}
        if not isinstance(said, dict) or not (said.get("ready") or said.get("done")):
            reason = said.get("bad") if isinstance(said, dict) else None
            raise Invalid(str(reason or "The solution's process answered with something else than a result."))
        return said

    def died(self, doing):
        # One that has closed its end may live on.
        try:
            code = self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return Invalid("The solution's process closed its connection to the scorer: %s." % doing)
        # Bubblewrap passes a signal on as 128 and its number.
        number = -code if code < 0 else code - 128 if code > 128 else 0
        if number == signal.SIGKILL:
            return Invalid("The solution's process was killed, probably for its memory: %s." % doing, out_of_memory=True)
        if number in (signal.SIGSEGV, signal.SIGBUS):
            return Invalid("The solution's process crashed: %s. The input is read-only memory; writing to it does that." % doing)
        return Invalid("The solution's process ended (exit code %d): %s." % (code, doing))

    def limit_seconds(self, count):
        return self.call_limit_seconds if count == self.count else self.first_call_limit_seconds

    def run(self, count, low=LOW, high=HIGH):
        """One call on `count` values, checked. Returns its time in milliseconds, up to when the result lay in the parent's memory."""
        values = self.random.integers(low, high + 1, count, dtype=numpy.int32)
        answer = expected(values)
        # Where to look first: a child that says "done" and goes on computing is caught before it has finished.
        probes = numpy.random.default_rng(secrets.randbits(64)).integers(0, max(count, 1), 4096 if count else 0)
        fd = memory_file("input", max(count * 4, 1), 0)
        view = memoryview(values).cast("B")
        written = 0
        while written < len(view):
            written += os.write(fd, view[written:])
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        request = json.dumps({"count": count}).encode() + b"\n"
        doing = "running prefix_sum on %d values" % count
        try:
            begun = time.perf_counter_ns()
            try:
                socket.send_fds(self.control, [request], [fd])
            except (BrokenPipeError, ConnectionResetError):
                raise self.died(doing) from None
            self.answer(self.limit_seconds(count), doing)
            elapsed_ms = (time.perf_counter_ns() - begun) / 1e6
        finally:
            os.close(fd)
        early = bool(numpy.array_equal(self.output[probes], answer[probes]))
        self.compare(answer)
        if not early:
            raise Invalid(EARLY)
        return elapsed_ms

    def compare(self, answer):
        """Holds the result that lies in the parent's memory to the answer, all of it."""
        count = len(answer)
        wrong = numpy.flatnonzero(self.output[:count] != answer)
        if len(wrong):
            at = int(wrong[0])
            raise Invalid(
                "Wrong result on %d values: %d are wrong, the first at index %d: %d instead of %d."
                % (count, len(wrong), at, int(self.output[at]), int(answer[at]))
            )

    def close(self):
        confined.end(self.process)
        self.control.close()
        os.close(self.output_fd)


def read_seed():
    try:
        with open(os.path.join(confined.PROTECTED, "seed")) as file:
            return file.read().strip()
    except OSError:
        return os.environ.get("PLUMBLINE_SEED_VALUE") or DEFAULT_SEED


def number_of(nonce):
    """Data of this deployment and of this score: nothing of it can be worked out beforehand, and staff can draw it again."""
    return int.from_bytes(hashlib.sha256(("%s/%s" % (read_seed(), nonce)).encode()).digest(), "big")


def score(kind=Solution):
    """One row of the score log: the natural logarithm of the median time in milliseconds."""
    directory = os.path.join(confined.HOME, "solution")
    nonce = secrets.token_hex(16)
    details = {"nonce": nonce}
    if not os.path.isfile(os.path.join(directory, "solution.py")):
        return {"score": math.nan, "message": {"reason": "There is no file solution/solution.py."}, "details": details}
    solution = None
    try:
        solution = kind(directory, nonce)
        details.update(solution.about())
        for count in SMALL_COUNTS:
            solution.run(count)
        for value in (HIGH, LOW):
            solution.run(1000, value, value)
        times = [solution.run(solution.count) for _ in range(WARM_UPS + RUNS)]
    except confined.Escapes as error:
        return {"score": math.nan, "message": {"reason": str(error)}, "details": details}
    except Invalid as invalid:
        return {"score": math.nan, "message": invalid.fields, "details": details}
    finally:
        if solution is not None:
            solution.close()
    counted = times[WARM_UPS:]
    median_ms = statistics.median(counted)
    details["milliseconds"] = [round(value, 3) for value in times]
    message = {"milliseconds": round(median_ms, 3), "fastest": round(min(counted), 3), "slowest": round(max(counted), 3), "runs": RUNS}
    return {"score": math.log(median_ms), "message": message, "details": details}
