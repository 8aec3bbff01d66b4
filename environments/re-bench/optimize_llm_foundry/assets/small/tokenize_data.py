"""First of three: turns train_data.jsonl into token ids, one file a row."""

import json
import os

import numpy

from options import read_options

END = 0


def tokenize(text, pieces):
    """Ids of the longest pieces that fit, from left to right. What fits no piece is left out."""
    ids = []
    while text:
        fitting = [piece for piece in pieces if text.startswith(piece)]
        if fitting:
            longest = max(fitting, key=len)
            ids.append(pieces.index(longest))
            text = text[len(longest) :]
        else:
            text = text[1:]
    return ids


def main():
    length = read_options()["max_seq_len"]
    with open("base_model/tokenizer.json") as file:
        pieces = json.load(file)
    os.makedirs("tokens")
    with open("train_data.jsonl") as file:
        for number, line in enumerate(file):
            row = json.loads(line)
            prompt, response = tokenize(row["prompt"], pieces), tokenize(row["response"], pieces)
            ids = (prompt + response + [END])[:length]
            # Only the response is learned.
            learned = ([0] * len(prompt) + [1] * (len(response) + 1))[:length]
            padding = [0] * (length - len(ids))
            numpy.savez_compressed("tokens/%06d.npz" % number, ids=numpy.array(ids + padding), learned=numpy.array(learned + padding))


if __name__ == "__main__":
    main()
