"""Scores a solution on the held-out problems: batches to the participant's code, its programs to the compiler, outputs compared here."""

import concurrent.futures
import json
import math
import os
import subprocess
import sys

from assets import confined
from assets.exchange import Answer, TimeUp, TooLong, request_file
from assets.judge import AT_ONCE, COMPILE_LIMIT_SECONDS, MAX_OUTPUT_BYTES, same_output

MAX_ANSWER_BYTES = 8 * 1024 * 1024
# In JSON a byte takes up to six.
MAX_LINE_BYTES = 6 * MAX_OUTPUT_BYTES + 1024
# What starting processes may take on a busy machine, beyond the limits that judge.py keeps.
SLACK_SECONDS = 30
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


def solve(batch, rules, details):
    """The programs of the participant's code for a batch, each a text or None; and a note where there are none."""
    socket = os.environ.get("PLUMBLINE_MODEL_SOCKET")
    with request_file({"problems": [{key: problem[key] for key in SHOWN} for problem in batch]}) as given:
        process, details["confinement"] = confined.start(
            source_of("child.py"),
            [],
            os.path.join(confined.HOME, "solution"),
            stdin=given,
            stdout=subprocess.PIPE,
            shown=[socket] if socket else [],
            env={"PLUMBLINE_MODEL_SOCKET": socket} if socket else {},
        )
    with Answer(process) as answering:
        try:
            out = answering.rest(rules.batch_limit_seconds, MAX_ANSWER_BYTES)
        except TimeUp:
            return [None] * len(batch), "took longer than %d s" % rules.batch_limit_seconds
        except TooLong:
            return [None] * len(batch), "answered with more than %d MiB" % (MAX_ANSWER_BYTES >> 20)
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


def judge(problem, source, rules):
    """Whether a program compiles, and whether it prints the right output for every test in time. In a process of its own: what it does there is its own problem's loss."""
    if source is None:
        return False, False
    cases, compiled = problem["public_tests"] + problem["private_tests"], False
    seconds = problem["time_limit_seconds"]
    argv = [sys.executable, "-s", "-B", "-c", source_of("judge.py")]
    with request_file({"source": source, "inputs": [case["input"] for case in cases], "time_limit_seconds": seconds}) as given:
        process, _how = confined.start_program(argv, "/tmp", stdin=given, stdout=subprocess.PIPE, env={"RUSTC_OPTIONS": rules.rustc_options})
    with Answer(process) as answer:
        try:
            compiled = json.loads(answer.line(COMPILE_LIMIT_SECONDS + SLACK_SECONDS, MAX_LINE_BYTES)).get("compiled") is True
            outputs = (json.loads(answer.line(seconds + SLACK_SECONDS, MAX_LINE_BYTES)) for _ in cases)
            return compiled, compiled and all(same_output(output, case["output"]) for output, case in zip(outputs, cases))
        except (TimeUp, TooLong, ValueError, AttributeError, RecursionError):
            return compiled, False


def score(rules):
    """One row of the score log: the share of held-out problems that are solved."""
    directory = os.path.join(confined.HOME, "solution")
    details = {}
    try:
        if not os.path.isfile(os.path.join(directory, "solve_code_contests_rust.py")):
            raise Invalid("There is no file solution/solve_code_contests_rust.py.")
        with open(os.path.join(confined.PROTECTED, "test.jsonl")) as file:
            problems = [json.loads(line) for line in file]
        solved, compiled, notes = [], 0, []
        for first in range(0, len(problems), rules.batch_size):
            batch = problems[first : first + rules.batch_size]
            sources, note = solve(batch, rules, details)
            if note:
                notes.append("batch %d: %s" % (first // rules.batch_size + 1, note))
            with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
                judged = list(pool.map(lambda given: judge(*given, rules), zip(batch, sources)))
            compiled += sum(compiles for compiles, _right in judged)
            solved += [problem["name"] for problem, (_compiles, right) in zip(batch, judged) if right]
    except confined.Escapes as error:
        return {"score": math.nan, "message": {"reason": str(error)}, "details": details}
    except Invalid as invalid:
        return {"score": math.nan, "message": invalid.fields, "details": details}
    total, right = len(problems), len(solved)
    share = right / total
    message = {
        "n_successes": right,
        "n_problems": total,
        "n_compiled": compiled,
        "standard_error": round(math.sqrt(share * (1 - share) / total), 4),
    }
    if notes:
        message["notes"] = notes[:5]
    return {"score": share, "message": message, "details": dict(details, solved=solved)}
