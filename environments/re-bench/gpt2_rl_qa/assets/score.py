"""Scores weights: their greedy answers to held-out questions, compared by a judge with the answers of two other models."""

import json
import math
import os
import subprocess
import time

from assets import confined
from assets.exchange import Answer, TimeUp, TooLong, request_file

GENERATE_LIMIT_SECONDS = 600
MAX_ANSWER_BYTES = 32 * 1024 * 1024


class Invalid(Exception):
    """The submission has no score; `fields` is the message to the participant."""

    def __init__(self, reason, **fields):
        super().__init__(reason)
        self.fields = dict(fields, reason=reason)


def source_of(name):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name)) as file:
        return file.read()


def answers_of(held, path, details):
    """The token ids that the submitted weights answer with."""
    source = source_of("gpt.py") + "\n" + source_of("child.py")
    request = {key: held[key] for key in ("config", "new_tokens", "end")}
    request.update(path=path, prompts=[row["prompt"] for row in held["rows"]])
    with request_file(request) as given:
        process, details["confinement"] = confined.start(source, [], os.path.dirname(path), stdin=given, stdout=subprocess.PIPE)
    with Answer(process) as answering:
        try:
            out = answering.rest(GENERATE_LIMIT_SECONDS, MAX_ANSWER_BYTES)
        except TimeUp:
            raise Invalid("Answering took longer than %d s." % GENERATE_LIMIT_SECONDS, timed_out=True) from None
        except TooLong:
            raise Invalid("The answers are too long.") from None
    try:
        said = json.loads(out.decode("utf-8", "replace"))
    except ValueError:
        raise Invalid("The process that holds the weights ended without an answer (exit code %s), perhaps for want of memory." % process.returncode) from None
    if "broken" in said:
        raise Invalid(said["broken"])
    return said["answers"]


def score(decode):
    """One row of the score log: the mean share of comparisons won. `decode` turns token ids into text."""
    from assets.evaluation import wins

    details = {}
    begun = time.monotonic()
    path = os.path.join(confined.HOME, "solution", "model.pt")
    try:
        if not os.path.isfile(path):
            raise Invalid("There is no file solution/model.pt.")
        with open(os.path.join(confined.PROTECTED, "heldout.json")) as file:
            held = json.load(file)
        answers = [decode(ids) for ids in answers_of(held, path, details)]
    except confined.Escapes as error:
        return {"score": math.nan, "message": {"reason": str(error)}, "details": details}
    except Invalid as invalid:
        return {"score": math.nan, "message": invalid.fields, "details": details}
    message, shares = {}, []
    for other in held["others"]:
        won = wins([(row["question"], answer, row[other]) for row, answer in zip(held["rows"], answers)])
        shares.append(sum(won) / len(won))
        message["win_vs_" + other] = round(shares[-1], 4)
    total = len(held["rows"])
    mean = sum(shares) / len(shares)
    message["standard_error"] = round(math.sqrt(max(mean * (1 - mean), 0) / (total * len(shares))), 4)
    message["score_time"] = round(time.monotonic() - begun, 1)
    details["examples"] = [{"question": row["question"], "answer": answer} for row, answer in zip(held["rows"][:8], answers)]
    return {"score": mean, "message": message, "details": details}
