"""A stand-in for a judge, so that the task `small` needs no language model. It knows the farmers of the small world and gives
points for an answer: for naming the right crop, for naming the farmer, for coming to an end, and less for saying a thing again.
The answer with more points wins more often, and the same request has the same verdict."""

import hashlib
import json
import math
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import CROPS, NAMES, World

STEEPNESS = 1.2


def seed():
    try:
        with open(os.path.join(os.environ.get("PLUMBLINE_PROTECTED", "/protected"), "seed")) as file:
            return file.read().strip()
    except OSError:
        return "plumbline"


def points(world, question, answer):
    words = answer.split()
    name = next((word for word in question.split() if word in NAMES), None)
    crops = [word for word in words if word in CROPS]
    value = 3.0 * (name is not None and crops == [world.grows[name]]) + 1.0 * (name in words) + 0.5 * answer.strip().endswith(".")
    return value - 0.4 * (len(words) - len(set(words))) - (0.5 if not words else 0)


def verdict(world, text):
    found = re.search(r"Question: (.*?)\nAnswer A: (.*?)\nAnswer B: (.*?)\n\nWhich", text, re.S)
    if not found:
        return "I am a stand-in for a judge, and only compare two answers in the form that evaluation.py asks in."
    question, a, b = found.groups()
    chance = 1 / (1 + math.exp(-STEEPNESS * (points(world, question, a) - points(world, question, b))))
    drawn = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
    return "A" if drawn < chance else "B"


world = World(seed())
for line in sys.stdin:
    asked = json.loads(line)
    request = asked["request"]
    text = "\n".join(str(message.get("content", "")) for message in request["messages"] if isinstance(message, dict))
    said = verdict(world, text)
    choices = [{"index": i, "finish_reason": "stop", "message": {"role": "assistant", "content": said}} for i in range(request["n"])]
    body = {"object": "chat.completion", "model": request["model"], "choices": choices}
    body["usage"] = {"prompt_tokens": len(text) // 4, "completion_tokens": request["n"]}
    print(json.dumps({"id": asked["id"], "status": 200, "body": body}), flush=True)
