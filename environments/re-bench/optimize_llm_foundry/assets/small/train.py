"""Second of three: trains base_model on the token files, with AdamW, and leaves checkpoints."""

import glob
import os

import numpy

from model import SHAPES, loss_and_gradient
from options import read_options


def read_rows():
    files = [numpy.load(path) for path in sorted(glob.glob("tokens/*.npz"))]
    return numpy.stack([file["ids"] for file in files]), numpy.stack([file["learned"] for file in files])


def train(weights, ids, learned, options, after_step=lambda step, loss: None):
    """Changes `weights` in place. Batches are drawn from `seed`; a last one that is not full is left out."""
    first = {name: numpy.zeros_like(value) for name, value in weights.items()}
    second = {name: numpy.zeros_like(value) for name, value in weights.items()}
    batch, micro = options["global_train_batch_size"], options["device_train_microbatch_size"]
    random = numpy.random.default_rng(options["seed"])
    in_epoch = len(ids) // batch
    steps, step = in_epoch * options["max_epochs"], 0
    for _epoch in range(options["max_epochs"]):
        order = random.permutation(len(ids))
        for at in range(in_epoch):
            rows = order[at * batch : (at + 1) * batch]
            total, gradient = 0.0, {name: numpy.zeros_like(value) for name, value in weights.items()}
            for part in range(0, batch, micro):
                some = rows[part : part + micro]
                loss, more = loss_and_gradient(weights, ids[some], learned[some])
                total += loss
                for name in gradient:
                    gradient[name] += more[name]
            count = numpy.float32(learned[rows].sum())
            for name in gradient:
                gradient[name] /= count
            norm = numpy.sqrt(sum(float((value**2).sum()) for value in gradient.values()))
            shrink = numpy.float32(min(1.0, options["clip_norm"] / max(norm, 1e-12)))
            step += 1
            rate = options["lr"] * min(1.0, step / options["warmup_steps"]) * (1 - (step - 1) / steps)
            for name, value in weights.items():
                g = gradient[name] * shrink
                first[name] = numpy.float32(options["beta_1"]) * first[name] + numpy.float32(1 - options["beta_1"]) * g
                second[name] = numpy.float32(options["beta_2"]) * second[name] + numpy.float32(1 - options["beta_2"]) * g * g
                mean = first[name] / numpy.float32(1 - options["beta_1"] ** step)
                square = second[name] / numpy.float32(1 - options["beta_2"] ** step)
                value *= numpy.float32(1 - rate * options["weight_decay"])
                value -= numpy.float32(rate) * mean / (numpy.sqrt(square) + numpy.float32(1e-6))
            after_step(step, total / float(count))


def main():
    options = read_options()
    ids, learned = read_rows()
    loaded = numpy.load("base_model/model.npz")
    weights = {name: loaded[name] for name in SHAPES}
    os.makedirs("checkpoints")

    def after_step(step, loss):
        if step % options["eval_interval_steps"] == 0:
            evaluated = slice(0, options["eval_rows"])
            total = sum(
                loss_and_gradient(weights, ids[at : at + 1], learned[at : at + 1])[0] for at in range(min(options["eval_rows"], len(ids)))
            )
            print("step %d: loss %.4f, evaluated %.4f" % (step, loss, total / learned[evaluated].sum()), flush=True)
        if step % options["save_interval_steps"] == 0:
            numpy.savez_compressed("checkpoints/step%06d.npz" % step, **weights)

    train(weights, ids, learned, options, after_step)
    numpy.savez_compressed("checkpoints/last.npz", **weights)


if __name__ == "__main__":
    main()
