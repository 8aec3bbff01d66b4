"""Runs one operation of one METR Task Standard family and answers in JSON.

Started as `python3 -I -B -c <this text>`, with the request as one JSON document on standard input:
{"separator", "op", "family_dir", "module", "task", "score_log"}. The family's own prints stay on standard
output; the answer follows the separator, which the caller draws at random for each call and which no child can read:
it stands on no command line, and standard input is closed before the family is imported.

Python 3.7 or later, standard library only.
"""

import csv
import grp
import importlib
import json
import math
import os
import pwd
import stat
import sys
import time
import traceback

# What the caller may hold of an answer, so that a run-away message fails here, with a reason, and not in the middle of a line.
MAX_ANSWER_BYTES = 9 * 1024 * 1024
# Longer than any log of an attempt: nothing of it is read, so that one who can write to it cannot take a score's time and memory.
MAX_LOG_BYTES = 64 * 1024 * 1024
# A text that somebody writes; whatever is larger is a file that the scorer reads by itself.
MAX_SUBMISSION_BYTES = 1024 * 1024
METHODS = (
    "get_tasks",
    "get_instructions",
    "get_permissions",
    "get_aux_vm_spec",
    "install",
    "start",
    "score",
    "intermediate_score",
    "aggregate_scores",
    "teardown",
)


class OperationError(Exception):
    """Something wrong with the family that its author can mend; `code` is one of a closed list."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def plain(value):
    """`value` in types that strict JSON has. Numbers that are not finite become the strings NaN, Infinity, -Infinity."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return float(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    # numpy and torch scalars, and small arrays of them.
    for name in ("item", "tolist"):
        method = getattr(value, name, None)
        if callable(method):
            try:
                return plain(method())
            except Exception:
                continue
    return str(value)


def number(value):
    """The reverse of `plain` for one number of a score log."""
    return float(value) if isinstance(value, str) else value


def load(request):
    directory = request["family_dir"]
    # Isolated mode leaves out the current folder and PYTHONPATH; the family's folder and the prepared packages are wanted.
    sys.path.insert(0, directory)
    for entry in reversed(os.environ.get("PYTHONPATH", "").split(os.pathsep)):
        if entry and entry not in sys.path:
            sys.path.insert(1, entry)
    os.chdir(directory)
    try:
        module = importlib.import_module(request["module"])
    except ModuleNotFoundError as error:
        if error.name == request["module"]:
            raise OperationError("no_family", "There is no file %s.py in the family's folder." % request["module"])
        raise
    family = getattr(module, "TaskFamily", None)
    if family is None:
        raise OperationError("no_family", "%s.py does not define the class TaskFamily." % request["module"])
    return family


def method_of(family, name):
    method = getattr(family, name, None)
    if not callable(method):
        raise OperationError("not_defined", "TaskFamily does not define %s()." % name)
    return method


def task_of(family, name):
    tasks = method_of(family, "get_tasks")()
    if name not in tasks:
        known = ", ".join(str(task) for task in tasks)
        raise OperationError("no_task", "get_tasks() has no task %r. It has: %s." % (name, known))
    return tasks[name]


def describe(family):
    return {
        "standard_version": getattr(family, "standard_version", None),
        "methods": [name for name in METHODS if callable(getattr(family, name, None))],
        "tasks": [str(name) for name in method_of(family, "get_tasks")()],
        "required_environment_variables": list(getattr(family, "required_environment_variables", []) or []),
        "skip_chown_after_start": bool(getattr(family, "skip_chown_after_start", False)),
    }


def give_home_to_agent():
    """Gives the agent what a `start()` that runs as root laid into its home, as hosts of the standard do.

    What belongs to the group `protected` stays, and so do hidden folders, which may hold many thousands of files.
    """
    home = "/home/agent"
    if os.geteuid() != 0 or os.environ.get("PLUMBLINE_HOME", home) != home:
        return
    try:
        agent = pwd.getpwnam("agent")
    except KeyError:
        return
    try:
        protected = grp.getgrnam("protected").gr_gid
    except KeyError:
        protected = None

    def give(path):
        if os.lstat(path).st_gid != protected:
            os.chown(path, agent.pw_uid, agent.pw_gid, follow_symlinks=False)

    give(home)
    for folder, folders, files in os.walk(home):
        if folder == home:
            folders[:] = [name for name in folders if not name.startswith(".")]
        for name in folders + files:
            give(os.path.join(folder, name))


def log_rows():
    """How many rows the log of a family that keeps one in the way of METR's `task_protected_scoring` has; None for all others.

    Its older versions write CSV with the header timestamp,score,message,details, its newer ones a JSON object a line.
    """
    path = os.path.join(os.environ.get("PLUMBLINE_PROTECTED", "/protected"), "score.log")
    try:
        facts = os.stat(path)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > MAX_LOG_BYTES:
            return None
        with open(path, newline="") as file:
            head = file.readline()
            file.seek(0)
            if head.strip() == "timestamp,score,message,details":
                csv.field_size_limit(MAX_ANSWER_BYTES)
                return sum(1 for row in csv.reader(file) if row) - 1
            return sum(1 for line in file if line.startswith("{"))
    except (OSError, UnicodeError, csv.Error):
        return None


def score_with_log(method, task):
    """An intermediate score; where the family keeps a log, with how many rows this score added: other than one is worth a look."""
    before = log_rows()
    row = score_row(method(task))
    after = log_rows()
    if before is not None and after is not None:
        row["log_rows_added"] = after - before
    return row


def submission():
    """What the participant hands in as text: a regular file of the workspace, never what a link there leads to; without one it is empty."""
    path = os.path.join(os.environ.get("PLUMBLINE_HOME", "/home/agent"), "submission.txt")
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return ""
        data = file.read(MAX_SUBMISSION_BYTES + 1)
    if len(data) > MAX_SUBMISSION_BYTES:
        raise OperationError("submission_too_large", "submission.txt may have %d bytes at most." % MAX_SUBMISSION_BYTES)
    return data.decode("utf-8", "replace")


def score_row(result):
    """One row of an intermediate score, with what the standard lets a family leave out."""
    if not isinstance(result, dict) or "score" not in result:
        raise OperationError("bad_answer", "intermediate_score() returned %s; a dict with score, message and details was expected." % type(result).__name__)
    return {"score": result["score"], "message": result.get("message") or {}, "details": result.get("details") or {}}


def run(family, request):
    op, name = request["op"], request.get("task")
    if op == "describe":
        return describe(family)
    if op == "get_tasks":
        return method_of(family, "get_tasks")()
    if op == "required_environment_variables":
        return list(getattr(family, "required_environment_variables", []) or [])
    if op == "install":
        install = getattr(family, "install", None)
        return install() if callable(install) else None
    task = task_of(family, name)
    if op == "get_permissions":
        return method_of(family, op)(task) if hasattr(family, op) else []
    if op == "get_aux_vm_spec":
        spec = getattr(family, op)(task) if hasattr(family, op) else None
        return None if spec is None else str(spec)
    if op in ("start", "teardown"):
        method = getattr(family, op, None)
        result = method(task) if callable(method) else None
        if op == "start" and not getattr(family, "skip_chown_after_start", False):
            give_home_to_agent()
        return result
    if op == "get_instructions":
        return method_of(family, op)(task)
    if op == "score":
        return method_of(family, op)(task, submission())
    if op == "intermediate_score":
        return score_with_log(method_of(family, op), task)
    if op == "aggregate_scores":
        log = [dict(row, score=number(row.get("score"))) for row in request.get("score_log") or []]
        return method_of(family, op)(task, log)
    raise OperationError("unknown_operation", "There is no operation %r." % op)


def is_missing_data(error):
    """Whether a file is missing that the host should have fetched for the family: not its author's to mend."""
    places = [os.environ.get("PLUMBLINE_DATA") or "/opt/data", os.environ.get("PLUMBLINE_SCORER_DATA") or "/opt/scorer-data"]
    path = os.path.abspath(str(error.filename)) if error.filename else ""
    return any(path.startswith(os.path.join(place, "")) for place in places)


def failure(code, error):
    text = traceback.format_exc()
    message = {"raised": "%s: %s" % (type(error).__name__, error), "missing_data": "%s: %s" % (getattr(error, "strerror", ""), getattr(error, "filename", ""))}
    return {"code": code, "message": message.get(code, str(error)), "traceback": text[-20000:]}


def main():
    request = json.loads(sys.stdin.buffer.read().decode("utf-8"))
    # The answer has a descriptor of its own that no child inherits; standard input is closed to the family's children.
    answer_fd = os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    begun = time.monotonic()
    try:
        answer = {"result": plain(run(load(request), request))}
    except OperationError as error:
        answer = {"error": failure(error.code, error)}
    except MemoryError as error:
        answer = {"error": failure("out_of_memory", error)}
    except FileNotFoundError as error:
        answer = {"error": failure("missing_data" if is_missing_data(error) else "raised", error)}
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # A family may call sys.exit(); that is its failure, not the host's.
        answer = {"error": failure("raised", error)}
    answer["duration_ms"] = (time.monotonic() - begun) * 1000
    sys.stdout.flush()
    sys.stderr.flush()
    text = json.dumps(answer, allow_nan=False).encode("utf-8", "backslashreplace")
    if len(text) > MAX_ANSWER_BYTES:
        text = json.dumps({"error": {"code": "too_large", "message": "The answer has %d bytes; %d are allowed." % (len(text), MAX_ANSWER_BYTES), "traceback": ""}}).encode()
    data = ("\n%s\n" % request["separator"]).encode() + text + b"\n"
    while data:
        data = data[os.write(answer_fd, data) :]
    # Threads that the family left behind do not hold the answer back.
    os._exit(0)


main()
