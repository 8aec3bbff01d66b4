"""Compiles Rust programs and runs them. Knows inputs and no answers: what a program printed is compared by whoever asked.

As a program: {"programs": [{"source", "inputs", "time_limit_seconds"}]} on standard input, and on standard output a list of
{"compiled", "errors", "outputs"} in the same order; an output is null where the program failed or took too long.
"""

import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile

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


def run_program(program, text, time_limit_seconds):
    """What the compiled program prints for one input, or None."""
    try:
        done = subprocess.run([program], input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=time_limit_seconds)
    except subprocess.TimeoutExpired:
        return None
    return done.stdout[:MAX_OUTPUT_BYTES].decode("utf-8", "replace") if done.returncode == 0 else None


def judge(program):
    with tempfile.TemporaryDirectory() as directory:
        errors = compile_program(program["source"], directory)
        if errors is not None:
            return {"compiled": False, "errors": errors, "outputs": [None] * len(program["inputs"])}
        binary = os.path.join(directory, "program")
        outputs = [run_program(binary, text, program["time_limit_seconds"]) for text in program["inputs"]]
        return {"compiled": True, "errors": "", "outputs": outputs}


def judge_all(programs):
    """The results of all programs, as many at once as there are processors."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(judge, programs))


def same_output(printed, expected):
    """Whether two outputs are alike but for white space."""
    return printed is not None and printed.split() == expected.split()


if __name__ == "__main__":
    json.dump(judge_all(json.load(sys.stdin)["programs"]), sys.stdout)
