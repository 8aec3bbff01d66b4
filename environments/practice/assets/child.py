"""The process that runs the participant's function. It knows no right answer, and nothing that it says is trusted."""

import json
import os
import sys
import traceback

texts = json.load(sys.stdin)
answer_fd = os.dup(1)
# The function's own prints go nowhere: the answer has the pipe to itself.
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
sys.path.insert(0, os.getcwd())
try:
    from textstats import describe

    answer = [describe(text) for text in texts]
    text = json.dumps(answer)
except BaseException as error:
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    text = json.dumps({"bad": "textstats.py failed: " + "".join(lines)[-2000:]})
with os.fdopen(answer_fd, "w") as pipe:
    pipe.write(text + "\n")
