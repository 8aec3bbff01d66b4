"""Measures what the scorer compares answers with: the loss at the target budget, over widths and a little less or more of it.

For staff, not for participants:  python3 measure_surface.py --solution DIR --widths 32,48,64 --out surface.json
where DIR is the folder `solution` of a prepared workspace. It runs for one device; give each device its part of the
widths, and join the lists `runs` afterwards. It may be stopped and started again: what OUT already holds is not repeated.
"""

import argparse
import json
import os
import sys

FRACTIONS = (0.9, 1.1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--solution", required=True)
    parser.add_argument("--widths", required=True, help="multiples of n_head, with commas between")
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    sys.path.insert(0, asked.solution)
    import torch
    from train import flops, train

    torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // 2))
    with open(os.path.join(asked.solution, "config.json")) as file:
        config = json.load(file)
    surface = {"target_flops": config["target_flops"], "runs": []}
    if os.path.exists(asked.out):
        with open(asked.out) as file:
            surface = json.load(file)
    done = {(run["n_embd"], run["fraction"]) for run in surface["runs"]}
    for width in (int(text) for text in asked.widths.split(",")):
        for fraction in FRACTIONS:
            if (width, fraction) in done:
                continue
            max_iters = round(fraction * config["target_flops"] / flops(config, width, 1))
            loss = train(config, width, max_iters, asked.seed, os.path.join(asked.solution, "data"))
            surface["runs"].append({"n_embd": width, "fraction": fraction, "max_iters": max_iters, "loss": round(loss, 4)})
            print(surface["runs"][-1], flush=True)
            with open(asked.out, "w") as file:
                json.dump(surface, file)


if __name__ == "__main__":
    main()
