"""The process that holds the participant's solution: problems come in, programs go out. It knows no answer."""

import json
import os
import sys
import traceback


def explain(error, what):
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return "%s: %s" % (what, "".join(lines)[-2000:])


def main():
    # What the solution prints is not the answer.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.path.insert(0, os.getcwd())
    try:
        from solve_code_contests_rust import solve_batch
    except BaseException as error:
        answer.write(json.dumps({"broken": explain(error, "solve_code_contests_rust.py could not be imported")}))
        return
    try:
        sources = solve_batch(json.load(sys.stdin)["problems"])
        answer.write(json.dumps({"sources": [source if isinstance(source, str) else None for source in sources]}))
    except BaseException as error:
        answer.write(json.dumps({"failed": explain(error, "solve_batch failed")}))


main()
