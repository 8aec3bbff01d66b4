"""A stand-in for a language model, so that the task `small` needs none. It is no model: it recognises the problems that this
family makes, and answers with a program that is right now and then, as a weak model's would be.

The same request has the same answer. At temperature 0 all samples are alike; above it each sample is drawn anew. A request
that shows a compiler's error or a failed test back to it has somewhat better chances, as with a real model.
"""

import hashlib
import json
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from problems import recognise

REPAIR_BONUS = 0.1


def program(kind, k, draw, ease):
    """A program for the problem: right with the probability `ease`, else with one or two bugs."""
    source = kind.rust(k)
    if draw.random() < ease:
        return source
    bugs = [(old.replace("K", str(k)), new.replace("K", str(k))) for old, new in kind.bugs]
    for old, new in draw.sample(bugs, draw.choice((1, 1, 2))):
        source = source.replace(old, new, 1)
    return source


def answer(request, number):
    """The text of sample `number`."""
    temperature = request.get("temperature", 1)
    said = "\n".join(str(message.get("content", "")) for message in request["messages"] if isinstance(message, dict))
    which = number if temperature else 0
    material = json.dumps([request["messages"], request.get("seed"), bool(temperature), which])
    draw = random.Random(hashlib.sha256(material.encode()).hexdigest())
    kind, k = recognise(said)
    if kind is None:
        return "I am a stand-in for a language model, and I only know the problems of this environment."
    repairing = "error[E" in said or "error:" in said or "expected" in said.lower() and "printed" in said.lower()
    source = program(kind, k, draw, min(0.9, kind.ease + (REPAIR_BONUS if repairing else 0)))
    return "Here is a program in Rust that solves the problem:\n\n```rust\n%s```\n\nIt reads the whole input and prints the answer." % source


def complete(request):
    texts = [answer(request, number) for number in range(request["n"])]
    choices = [{"index": i, "finish_reason": "stop", "message": {"role": "assistant", "content": text}} for i, text in enumerate(texts)]
    words = lambda text: len(text) // 4 + 1
    usage = {"prompt_tokens": words(json.dumps(request["messages"])), "completion_tokens": sum(words(text) for text in texts)}
    return {"object": "chat.completion", "model": request["model"], "choices": choices, "usage": usage}


for line in sys.stdin:
    asked = json.loads(line)
    try:
        reply = {"status": 200, "body": complete(asked["request"])}
    except Exception as error:
        reply = {"status": 400, "body": {"error": {"message": repr(error)}}}
    print(json.dumps(dict(reply, id=asked["id"])), flush=True)
