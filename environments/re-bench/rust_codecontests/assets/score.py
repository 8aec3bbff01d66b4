"""Scores a solution on the held-out problems: batches to the participant's code, its programs to the compiler, outputs compared here."""

import json
import math
import os
import select
import subprocess
import sys
import time

from assets import confined
from assets.judge import same_output

MAX_ANSWER_BYTES = 8 * 1024 * 1024
SHOWN = ("name", "description", "public_tests", "time_limit_seconds")


class Rules:
    """What differs between the tasks."""

    def __init__(self, batch_size, batch_limit_seconds, rustc_options):
        self.batch_size = batch_size
        self.batch_limit_seconds = batch_limit_seconds
        self.rustc_options = rustc_options


RULES = {
    "main": Rules(20, 60, "-C opt-level=3"),
    "small": Rules(12, 60, "-C opt-level=0 -C debuginfo=0 -C prefer-dynamic"),
}


class Invalid(Exception):
    """The submission has no score; `fields` is the message to the participant."""

    def __init__(self, reason, **fields):
        super().__init__(reason)
        self.fields = dict(fields, reason=reason)


def source_of(name):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name)) as file:
        return file.read()


def exchange(process, request, limit_seconds):
    """Gives a child its request and takes what it answers until it ends: bytes, or None where the time was up."""
    out = b""
    deadline = time.monotonic() + limit_seconds
    try:
        try:
            process.stdin.write(json.dumps(request).encode())
            process.stdin.close()
        except BrokenPipeError:
            pass
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
                return None
            part = os.read(process.stdout.fileno(), 1 << 20)
            if not part:
                return out
            out += part
            if len(out) > MAX_ANSWER_BYTES:
                raise Invalid("The solution answered with more than 8 MiB.")
    finally:
        confined.end(process)


def solve(batch, rules, details):
    """The programs of the participant's code for a batch, each a text or None; and a note where there are none."""
    socket = os.environ.get("PLUMBLINE_MODEL_SOCKET")
    process, details["confinement"] = confined.start(
        source_of("child.py"),
        [],
        os.path.join(confined.HOME, "solution"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        shown=[socket] if socket else [],
        env={"PLUMBLINE_MODEL_SOCKET": socket} if socket else {},
    )
    shown = [{key: problem[key] for key in SHOWN} for problem in batch]
    out = exchange(process, {"problems": shown}, rules.batch_limit_seconds)
    if out is None:
        return [None] * len(batch), "took longer than %d s" % rules.batch_limit_seconds
    try:
        answer = json.loads(out.decode("utf-8", "replace"))
    except ValueError:
        answer = None
    if isinstance(answer, dict) and "broken" in answer:
        raise Invalid(str(answer["broken"])[:4000])
    if isinstance(answer, dict) and "failed" in answer:
        return [None] * len(batch), str(answer["failed"])[-2000:]
    sources = answer.get("sources") if isinstance(answer, dict) else None
    if not isinstance(sources, list) or len(sources) != len(batch):
        return [None] * len(batch), "solve_batch did not return one program for each problem"
    return [source if isinstance(source, str) else None for source in sources], None


def judge(batch, sources, rules):
    """Whether each program solves its problem: it compiles, and prints the right output for every test in time."""
    given = [(problem, source) for problem, source in zip(batch, sources) if source is not None]
    tests = {problem["name"]: problem["public_tests"] + problem["private_tests"] for problem, _ in given}
    programs = [
        {"source": source, "inputs": [test["input"] for test in tests[problem["name"]]], "time_limit_seconds": problem["time_limit_seconds"]}
        for problem, source in given
    ]
    argv = [sys.executable, "-s", "-B", "-c", source_of("judge.py")]
    process, _how = confined.start_program(argv, "/tmp", stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"RUSTC_OPTIONS": rules.rustc_options})
    out = exchange(process, {"programs": programs}, 60 + 10 * sum(len(program["inputs"]) for program in programs))
    if out is None:
        raise Invalid("The programs of a batch took too long to be judged.", timed_out=True)
    try:
        results = json.loads(out)
    except ValueError:
        raise Invalid("A program ended the process that runs it.") from None
    solved, compiled = {}, 0
    for (problem, _source), result in zip(given, results):
        compiled += result["compiled"] is True
        cases = tests[problem["name"]]
        solved[problem["name"]] = len(result["outputs"]) == len(cases) and all(
            same_output(output, case["output"]) for output, case in zip(result["outputs"], cases)
        )
    return [solved.get(problem["name"], False) for problem in batch], compiled


def score(rules):
    """One row of the score log: the share of held-out problems that are solved."""
    directory = os.path.join(confined.HOME, "solution")
    details = {}
    try:
        if not os.path.isfile(os.path.join(directory, "solve_code_contests_rust.py")):
            raise Invalid("There is no file solution/solve_code_contests_rust.py.")
        with open(os.path.join(confined.PROTECTED, "test.jsonl")) as file:
            problems = [json.loads(line) for line in file]
        outcome, compiled, notes = {}, 0, []
        for first in range(0, len(problems), rules.batch_size):
            batch = problems[first : first + rules.batch_size]
            sources, note = solve(batch, rules, details)
            if note:
                notes.append("batch %d: %s" % (first // rules.batch_size + 1, note))
            solved, some = judge(batch, sources, rules)
            compiled += some
            outcome.update(zip((problem["name"] for problem in batch), solved))
    except Invalid as invalid:
        return {"score": math.nan, "message": invalid.fields, "details": details}
    total, right = len(problems), sum(outcome.values())
    share = right / total
    message = {
        "n_successes": right,
        "n_problems": total,
        "n_compiled": compiled,
        "standard_error": round(math.sqrt(share * (1 - share) / total), 4),
    }
    if notes:
        message["notes"] = notes[:5]
    return {"score": share, "message": message, "details": dict(details, solved=[name for name in outcome if outcome[name]])}
