"""Trains a model further:  python3 train.py --model ../large_model.pth --out ../fixed_model.pth --steps 100"""

import argparse
import json
import os

import numpy
import torch

from model import Transformer, loss_of

HERE = os.path.dirname(os.path.abspath(__file__))


def read_config():
    with open(os.path.join(HERE, "config.json")) as file:
        return json.load(file)


def batch_of(text, starts, length):
    """Tokens (len(starts), length + 1), beginning at each of `starts`."""
    return torch.from_numpy(numpy.stack([text[at : at + length + 1] for at in starts]).astype(numpy.int64))


def train(model, text, steps, learning_rate, batch_size, seed=0, report=None):
    """Adam with warm-up and a straight way down, on random places of `text`. `report(step, loss)` is told ten times."""
    device = next(model.parameters()).device
    length = model.positions.weight.shape[0]
    random = numpy.random.default_rng(seed)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=learning_rate, betas=(0.9, 0.95), weight_decay=0.01)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * min(1, 10 * (step + 1) / steps) * (1 - step / steps)
        loss = loss_of(model, batch_of(text, random.integers(0, len(text) - length - 1, batch_size), length).to(device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if report is not None and (step + 1) % max(1, steps // 10) == 0:
            report(step + 1, loss.item())
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", required=True, help="state dict of a model with the large shape")
    parser.add_argument("--out", required=True)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--learning_rate", type=float, default=1e-3)
    parser.add_argument("--batch_size", type=int, default=16)
    asked = parser.parse_args()
    config = read_config()
    model = Transformer(**config["large"])
    model.load_state_dict(torch.load(asked.model, map_location="cpu"))
    if torch.cuda.is_available():
        model.cuda()
    text = numpy.memmap(os.path.join(HERE, config["train_text"]), dtype=numpy.uint16, mode="r")
    train(model, text, asked.steps, asked.learning_rate, asked.batch_size, report=lambda step, loss: print("step %d: loss %.4f" % (step, loss), flush=True))
    torch.save(model.cpu().state_dict(), asked.out)


if __name__ == "__main__":
    main()
