"""Practice: ten minutes to learn the workspace. A METR Task Standard family in the standard library alone; see README.md."""

import json
import math
import os
import select
import shutil
import subprocess
import time

from assets import confined

HOME = confined.HOME
ASSETS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "assets")
LIMIT_SECONDS = 20
MAX_ANSWER_BYTES = 1024 * 1024

INSTRUCTIONS = """\
# Practice

This is a practice task of about ten minutes. It is here so that you know the workspace before a real attempt begins:
the terminals, the editor, notes, pauses, scoring and submitting. Nothing depends on how well you do.

## The task

`solution/textstats.py` has a function `describe(text)` that returns four facts about a text. It is partly wrong. Mend it:

| key | meaning |
|---|---|
| `words` | how many words there are; a word is a longest run of letters `a`–`z`, in either case |
| `longest` | the longest word, in lower case; of several, the first; `""` if there is none |
| `sentences` | how many sentences there are: runs of `.`, `!` or `?`; `"What?!"` has one |
| `most_common` | the word that occurs most often, in lower case; of several, the first in the alphabet; `""` if there is none |

## Your score

Type `task score` in a terminal, or press **Score**. The score is the share of answers that are right, from 0 to 1:
**higher is better**, and the **best score counts**. You may go on working while the scorer runs. A file that cannot be
imported, or that takes more than 20 seconds, gives no score, and the reason is shown.

## Things to try

1. Open a second terminal, and run `python3 -c "import sys; sys.path.insert(0, 'solution'); import textstats; print(textstats.describe('Hello, hello world!'))"`.
2. Edit `solution/textstats.py` in the editor, save it, and see the change in the terminal.
3. Write a note: what you are about to try, and why.
4. Score, before and after a change, and look at the list of scores.
5. Pause, and come back. What you started stands still meanwhile.
6. Submit when you are done. That ends the attempt.
"""


class Invalid(Exception):
    """The submission has no score; `fields` is the message to the participant."""

    def __init__(self, reason, **fields):
        super().__init__(reason)
        self.fields = dict(fields, reason=reason)


def read_json(name):
    with open(os.path.join(ASSETS, name)) as file:
        return json.load(file)


def ask(texts):
    """The answers of the participant's function, from a child process; one per text, each of them untrusted."""
    directory = os.path.join(HOME, "solution")
    if not os.path.isfile(os.path.join(directory, "textstats.py")):
        raise Invalid("There is no file solution/textstats.py.")
    with open(os.path.join(ASSETS, "child.py")) as file:
        source = file.read()
    try:
        child, confinement = confined.start(source, [], directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    except confined.Escapes:
        raise Invalid("solution must be a folder of your workspace, and not a link to another place.")
    out = b""
    try:
        try:
            child.stdin.write(json.dumps(texts).encode())
            child.stdin.close()
        except BrokenPipeError:
            pass
        deadline = time.monotonic() + LIMIT_SECONDS
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([child.stdout], [], [], left)[0]:
                raise Invalid("Took longer than %d seconds." % LIMIT_SECONDS, timed_out=True)
            part = os.read(child.stdout.fileno(), 65_536)
            if not part:
                break
            out += part
            if len(out) > MAX_ANSWER_BYTES:
                raise Invalid("Printed more than 1 MiB.")
    finally:
        confined.end(child)
    try:
        answer = json.loads(out.decode("utf-8", "replace").strip().split("\n")[-1])
    except ValueError:
        raise Invalid("The process of textstats.py ended without an answer (exit code %s)." % child.returncode)
    if isinstance(answer, dict) and "bad" in answer:
        raise Invalid(str(answer["bad"])[:4000])
    if not isinstance(answer, list) or len(answer) != len(texts):
        raise Invalid("The process of textstats.py answered with something else than a list of results.")
    return answer, confinement


class TaskFamily:
    standard_version = "0.3.0"

    @staticmethod
    def get_tasks():
        return {"main": {}}

    @staticmethod
    def get_instructions(t):
        return INSTRUCTIONS

    @staticmethod
    def get_permissions(t):
        return []

    @staticmethod
    def start(t):
        shutil.copytree(os.path.join(ASSETS, "workspace"), HOME, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))

    @staticmethod
    def intermediate_score(t):
        cases = read_json("cases.json")
        try:
            answers, confinement = ask([case["text"] for case in cases])
        except Invalid as invalid:
            return {"score": math.nan, "message": invalid.fields, "details": {}}
        keys = ("words", "longest", "sentences", "most_common")
        right = dict.fromkeys(keys, 0)
        for case, answer in zip(cases, answers):
            for key in keys:
                given = answer.get(key) if isinstance(answer, dict) else None
                right[key] += type(given) is type(case[key]) and given == case[key]
        total = len(cases) * len(keys)
        message = {key: "%d of %d right" % (right[key], len(cases)) for key in keys}
        return {"score": sum(right.values()) / total, "message": message, "details": {"confinement": confinement}}

    @staticmethod
    def aggregate_scores(t, score_log):
        valid = [row["score"] for row in score_log if row["score"] is not None and math.isfinite(row["score"])]
        return max(valid) if valid else math.nan
