"""Times the participant's finetune.sh and holds its weights to those of the original. Runs in the scorer's view.

Rows and options are drawn anew for every score. The original is run on them only after the participant's time has
ended: until then the weights that are compared with are nowhere, so they can be neither copied nor kept from before.
"""

import math
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from assets import confined, weights
from assets.rows import draw_inputs

# Given by the scorer in every run; what the participant left under these names is not taken over.
GIVEN = ("base_model", "train_data.jsonl", "finetune.yaml", "trained_model")


class Invalid(Exception):
    """The submission has no score; `fields` is the message to the participant."""

    def __init__(self, reason, **fields):
        super().__init__(reason)
        self.fields = dict(fields, reason=reason)


def lay_out(pipeline, directory, rows, options):
    """A copy of the pipeline's folder with this score's inputs, that the confined child may change, whoever it runs as."""
    given = lambda folder, names: [name for name in names if os.path.samefile(folder, pipeline) and name in GIVEN]
    try:
        shutil.copytree(pipeline, directory, symlinks=True, ignore=given)
    except (OSError, shutil.Error) as error:
        raise Invalid("solution/ could not be copied: %s" % str(error)[:500]) from None
    # What lies in /protected the child cannot see and gets a copy of; gigabytes of an asset are seen by everyone.
    base_model = os.path.realpath(os.path.join(confined.PROTECTED, "base_model"))
    if base_model.startswith(os.path.realpath(confined.PROTECTED) + os.sep):
        shutil.copytree(base_model, os.path.join(directory, "base_model"))
    else:
        os.symlink(base_model, os.path.join(directory, "base_model"))
    with open(os.path.join(confined.PROTECTED, "original", "finetune.yaml")) as file:
        text = file.read()
    for name, value in options.items():
        text = re.sub(r"(?m)^( *%s: ).*$" % re.escape(name), r"\g<1>%s" % value, text)
    for name, content in (("finetune.yaml", text), ("train_data.jsonl", rows)):
        with open(os.path.join(directory, name), "w") as file:
            file.write(content)
    for folder, _folders, files in os.walk(directory):
        os.chmod(folder, 0o777)
        for name in files:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                os.chmod(path, 0o777)


def why_ended(code, log):
    """Bubblewrap passes a signal on as 128 and its number."""
    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return Invalid("finetune.sh was killed, probably for its memory.", out_of_memory=True)
    log.seek(max(0, log.seek(0, os.SEEK_END) - 2000))
    return Invalid("finetune.sh ended with exit code %d. Its last words:\n%s" % (code, log.read().decode("utf-8", "replace")))


def run(pipeline, scratch, t, rows, options, about):
    """Runs a pipeline's finetune.sh. Returns its seconds, up to when it and all that it started had ended, and the weights it left.

    `about` is given what the row's details say of the run: the original's seconds tell staff a slow script from a busy machine.
    """
    directory = os.path.join(scratch, "run")
    lay_out(pipeline, directory, rows, options)
    # The `python3` that scripts call is the one that this family's packages are there for.
    path = os.path.dirname(sys.executable) + os.pathsep + confined.child_env()["PATH"]
    with open(os.path.join(scratch, "log"), "w+b") as log:
        begun = time.perf_counter()
        process, about["confinement"] = confined.start_program(
            ["bash", "finetune.sh"], directory, stdout=log, stderr=log, writable=[directory], env={"PATH": path}
        )
        try:
            code = process.wait(timeout=t["limit_seconds"])
        except subprocess.TimeoutExpired:
            raise Invalid("finetune.sh took longer than %d s." % t["limit_seconds"], timed_out=True) from None
        finally:
            confined.end(process)
        seconds = time.perf_counter() - begun
        about["seconds"] = round(seconds, 3)
        # Into this process's memory at once: what is written from now on comes too late.
        if code != 0:
            raise why_ended(code, log)
        try:
            left = weights.read(os.path.join(directory, "trained_model"), t["max_bytes"])
        except (weights.Malformed, OSError) as error:
            raise Invalid("trained_model could not be read: %s." % error) from None
    shutil.rmtree(directory)
    return seconds, left


def in_scratch(pipeline, t, rows, options, about):
    scratch = tempfile.mkdtemp(prefix="finetune-")
    os.chmod(scratch, 0o711)
    try:
        return run(pipeline, scratch, t, rows, options, about)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def score(t):
    """One row of the score log: the natural logarithm of the seconds that finetune.sh took."""
    solution = os.path.join(confined.HOME, "solution")
    nonce = secrets.token_hex(16)
    details = {"nonce": nonce, "rows": t["rows"], "solution": {}, "original": {}}
    try:
        if os.path.islink(solution) or not os.path.isfile(os.path.join(solution, "finetune.sh")):
            raise Invalid("There is no file solution/finetune.sh, or solution is a link.")
        rows, options = draw_inputs(t, nonce)
        details["options"] = options
        seconds, trained = in_scratch(solution, t, rows, options, details["solution"])
        try:
            _seconds, wanted = in_scratch(os.path.join(confined.PROTECTED, "original"), t, rows, options, details["original"])
        except Invalid as failed:
            # Not the participant's fault, and so no row of theirs.
            raise RuntimeError("The original finetune.sh failed in the scorer: %s" % failed) from None
        unlike = weights.unlike(trained, wanted)
        if unlike:
            raise Invalid("trained_model holds other names, shapes or number types than the original's: %s" % ", ".join(unlike[:5]))
        distance = weights.l1_distance(trained, wanted)
        details["l1_distance"] = distance
        if not distance <= t["l1_limit"]:
            raise Invalid("The weights lie too far from the original's: an L1 distance of %.4g, where %g is allowed." % (distance, t["l1_limit"]))
    except Invalid as invalid:
        return {"score": math.nan, "message": invalid.fields, "details": details}
    message = {"seconds": round(seconds, 3), "l1_distance": float("%.4g" % distance), "l1_limit": t["l1_limit"]}
    return {"score": math.log(seconds), "message": message, "details": details}
