"""Trains the basic model:  python3 train.py --steps 500 --out basic_model.pt"""

import argparse
import os

import numpy
import torch
from torch.nn import functional as F

MASKED_SHARE = 0.15


def masked_batch(text, starts, config, random):
    """Tokens with some of them masked, the tokens themselves, and where they were masked; each (len(starts), length)."""
    tokens = torch.from_numpy(numpy.stack([text[at : at + config["length"]] for at in starts]).astype(numpy.int64))
    hidden = torch.from_numpy(random.random(tokens.shape) < MASKED_SHARE)
    return tokens.masked_fill(hidden, config["mask"]), tokens, hidden


def train(model, text, steps, config, learning_rate=3e-3, batch_size=32, seed=0, report=None):
    """Adam with a straight way down. What trains the model need not hold to the rules; the model's forward pass does."""
    device = next(model.parameters()).device
    random = numpy.random.default_rng(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * (1 - step / steps)
        starts = random.integers(0, len(text) - config["length"], batch_size)
        shown, tokens, hidden = (part.to(device) for part in masked_batch(text, starts, config, random))
        loss = F.cross_entropy(model(shown)[hidden], tokens[hidden])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if report is not None and (step + 1) % max(1, steps // 10) == 0:
            report(step + 1, loss.item())
    return model


def main():
    from model import HERE, BasicModel, read_config

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--out", default=os.path.join(HERE, "basic_model.pt"))
    asked = parser.parse_args()
    config = read_config()
    text = numpy.memmap(os.path.join(HERE, config["train_text"]), dtype=numpy.uint16, mode="r")
    model = BasicModel(config["vocabulary"], config["length"])
    if torch.cuda.is_available():
        model.cuda()
    train(model, text, asked.steps, config, report=lambda step, loss: print("step %d: loss %.4f" % (step, loss), flush=True))
    torch.save(model.cpu().state_dict(), asked.out)


if __name__ == "__main__":
    main()
