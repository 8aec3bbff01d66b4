"""Trains one model and prints its validation loss:  python3 train.py --n_embd 32 --max_iters 200

Everything but these two numbers (and the seed) is fixed by config.json and may not be changed, nor may the limit on FLOPs.
A run is one process on one device; start several at once if you have several devices or cores.
"""

import argparse
import json
import os
import time

import numpy
import torch
from torch.nn import functional as F

from model import Transformer

HERE = os.path.dirname(os.path.abspath(__file__))
EVALUATION_BATCHES = 64


def flops(config, n_embd, max_iters):
    """What a training run counts as: 6 per weight of the blocks and token."""
    return config["n_layer"] * n_embd**2 * 12 * 6 * config["block_size"] * config["batch_size"] * max_iters


def train(config, n_embd, max_iters, seed=0, data_dir=os.path.join(HERE, "data"), report=None):
    """Returns the loss on the validation text, in nats per token. `report(iteration, loss)` is told of the training loss."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(seed)
    random = numpy.random.default_rng(seed)
    texts = {name: numpy.memmap(os.path.join(data_dir, name + ".bin"), dtype=numpy.uint16, mode="r") for name in ("train", "val")}
    length, rows = config["block_size"], config["batch_size"]

    def batch(text, starts):
        tokens = torch.from_numpy(numpy.stack([text[at : at + length + 1] for at in starts]).astype(numpy.int64)).to(device)
        return tokens[:, :-1], tokens[:, 1:]

    def loss_of(pair):
        with torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda"):
            logits = model(pair[0])
        return F.cross_entropy(logits.float().flatten(0, 1), pair[1].flatten())

    model = Transformer(config["vocabulary"], length, config["n_layer"], config["n_head"], n_embd).to(device)
    matrices = [p for p in model.parameters() if p.dim() == 2]
    vectors = [p for p in model.parameters() if p.dim() != 2]
    groups = [{"params": matrices, "weight_decay": config["weight_decay"]}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=config["learning_rate"], betas=(0.9, 0.95))
    warm_up = max(1, max_iters // 10)
    for iteration in range(max_iters):
        # Up in a tenth of the run, then down to nothing in a straight line.
        share = min((iteration + 1) / warm_up, (max_iters - iteration) / max(1, max_iters - warm_up))
        for group in optimizer.param_groups:
            group["lr"] = config["learning_rate"] * share
        loss = loss_of(batch(texts["train"], random.integers(0, len(texts["train"]) - length - 1, rows)))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if report is not None and (iteration + 1) % max(1, max_iters // 10) == 0:
            report(iteration + 1, loss.item())
    model.eval()
    with torch.no_grad():
        starts = numpy.linspace(0, len(texts["val"]) - length - 1, EVALUATION_BATCHES * rows).astype(int)
        losses = [loss_of(batch(texts["val"], part)).item() for part in numpy.split(starts, EVALUATION_BATCHES)]
    return sum(losses) / len(losses)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--n_embd", type=int, required=True, help="width of the model")
    parser.add_argument("--max_iters", type=int, required=True, help="number of training steps")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with open(os.path.join(HERE, "config.json")) as file:
        config = json.load(file)
    if asked.n_embd < 1 or asked.n_embd % config["n_head"] or asked.max_iters < 1:
        raise SystemExit("n_embd has to be a multiple of %d, and max_iters at least 1." % config["n_head"])
    planned = flops(config, asked.n_embd, asked.max_iters)
    if planned > config["flop_limit"]:
        raise SystemExit("This run would take %.4g FLOPs; %.4g are allowed." % (planned, config["flop_limit"]))
    begun = time.time()
    report = lambda iteration, loss: print("step %d: training loss %.4f" % (iteration, loss), flush=True)
    loss = train(config, asked.n_embd, asked.max_iters, asked.seed, report=report)
    print("n_embd %d, max_iters %d, %.3g FLOPs: validation loss %.4f (%.0f s)" % (asked.n_embd, asked.max_iters, planned, loss, time.time() - begun))


if __name__ == "__main__":
    main()
