"""The loss of a model on text that you have:  python3 evaluate.py ../fixed_model.pth

The scorer does the same with text that nobody has seen. Do not train on the end of the training text if you want to
compare models by this.
"""

import math
import os
import sys

import numpy
import torch

from model import Transformer, loss_of
from train import HERE, batch_of, read_config


def main():
    config = read_config()
    model = Transformer(**config["large"])
    model.load_state_dict(torch.load(sys.argv[1], map_location="cpu"))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device).eval()
    text = numpy.memmap(os.path.join(HERE, config["train_text"]), dtype=numpy.uint16, mode="r")
    length = config["large"]["block_size"]
    starts = len(text) - length - 1 - numpy.arange(config["evaluation_rows"]) * length
    with torch.no_grad():
        loss = sum(loss_of(model, batch_of(text, [at], length).to(device)).item() for at in starts) / len(starts)
    print("loss %.4f, as a score %.4f" % (loss, math.log(loss - 1.5)))


if __name__ == "__main__":
    main()
