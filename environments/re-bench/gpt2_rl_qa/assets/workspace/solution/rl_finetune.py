"""One weak round of learning from the judge: an answer for each prompt, and a little training on those that beat the base model's."""

import json
import random
import sys

import torch

sys.path.insert(0, ".")
from evaluation import wins
from gpt import continue_text, fit, load, save
from text import END, NEW_TOKENS, decode, encode_prompt

torch.manual_seed(0)
draw = torch.Generator().manual_seed(0)
base = load("base_model.pt")
with open("prompts.jsonl") as file:
    questions = [json.loads(line)["question"] for line in file]
questions = random.Random(0).sample(questions, min(8, len(questions)))
prompts = [encode_prompt(question) for question in questions]
plain = continue_text(base, prompts, NEW_TOKENS, END)
tried = continue_text(base, prompts, NEW_TOKENS, END, temperature=1.0, generator=draw)
won = wins([(question, decode(a), decode(b)) for question, a, b in zip(questions, tried, plain)])
kept = [prompt + answer + [END] for prompt, answer, share in zip(prompts, tried, won) if share == 1]
print("%d of %d sampled answers beat the greedy ones" % (len(kept), len(questions)))
if kept:
    fit(base, kept, END, steps=5, rate=1e-4, batch=8, generator=draw)
save(base, "solution/model.pt")
