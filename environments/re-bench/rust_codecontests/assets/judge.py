"""Compiles Rust programs and runs them. Knows inputs and no answers: what a program printed is compared by whoever asked.

As a program: {"source", "inputs", "time_limit_seconds"} on standard input, and lines of JSON on standard output: first
{"compiled", "errors"}, then what was printed for each input. Null stands for a run that failed, took too long or printed
more than MAX_OUTPUT_BYTES; it is the last line, since such a program solves nothing.
"""

import concurrent.futures
import json
import os
import select
import subprocess
import sys
import tempfile
import time

# The one that sandboxes see; another one on the path may lie in a home folder that they do not.
RUSTC = "/usr/bin/rustc" if os.path.exists("/usr/bin/rustc") else "rustc"
OPTIONS = os.environ.get("RUSTC_OPTIONS", "-C opt-level=0 -C debuginfo=0 -C prefer-dynamic").split()
COMPILE_LIMIT_SECONDS = 30
MAX_OUTPUT_BYTES = 1024 * 1024
AT_ONCE = max(1, min(20, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2))


def compile_program(source, directory):
    """Compiles into `directory`/program; returns the compiler's errors, or None."""
    path = os.path.join(directory, "program.rs")
    with open(path, "w") as file:
        file.write(source)
    argv = [RUSTC, "--edition=2021", "-A", "warnings"] + OPTIONS + ["-o", os.path.join(directory, "program"), path]
    try:
        done = subprocess.run(argv, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=COMPILE_LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        return "The compiler took longer than %d s." % COMPILE_LIMIT_SECONDS
    return None if done.returncode == 0 else done.stdout.decode("utf-8", "replace")[-4000:]


def read_output(process, deadline):
    """What the process prints until it ends; None where it takes too long or prints too much."""
    printed = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
            return None
        part = os.read(process.stdout.fileno(), 1 << 16)
        if not part:
            return printed
        printed += part
        if len(printed) > MAX_OUTPUT_BYTES:
            return None


def run_program(program, text, time_limit_seconds):
    """What the compiled program prints for one input, or None."""
    deadline = time.monotonic() + time_limit_seconds
    with tempfile.TemporaryFile() as given:
        given.write(text.encode())
        given.seek(0)
        process = subprocess.Popen([program], stdin=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        printed = read_output(process, deadline)
        if printed is None or process.wait(max(0, deadline - time.monotonic())) != 0:
            return None
        return printed.decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        return None
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def results(program):
    """Yields whether the program compiles and the compiler's errors, then what it prints, input by input, up to the first that fails."""
    with tempfile.TemporaryDirectory() as directory:
        errors = compile_program(program["source"], directory)
        yield {"compiled": errors is None, "errors": errors or ""}
        if errors is not None:
            return
        for text in program["inputs"]:
            printed = run_program(os.path.join(directory, "program"), text, program["time_limit_seconds"])
            yield printed
            if printed is None:
                return


def judge(program):
    compiled, *outputs = results(program)
    return dict(compiled, outputs=outputs)


def judge_all(programs):
    """{"compiled", "errors", "outputs"} of each program, as many at once as there are processors."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(judge, programs))


def same_output(printed, expected):
    """Whether two outputs are alike but for white space."""
    return isinstance(printed, str) and printed.split() == expected.split()


if __name__ == "__main__":
    for result in results(json.load(sys.stdin)):
        print(json.dumps(result), flush=True)
