"""Measures what the scorer compares answers with: the loss at the target budget, over widths and a little less or more of it.

For staff, not for participants, and before the task can be started. DIR has the task's assets: the archive and vocabulary as the
manifest names them, and better, in DIR/openwebtext, the tokens that were made of them once (`openwebtext.py --out DIR/openwebtext`):

    python3 measure_surface.py --assets DIR --folder WORK --widths 256,384 --out part1.json
    python3 measure_surface.py --join part1.json part2.json --out surface.json

The first lays what a participant trains with into WORK, once for all devices, and trains on one device; give each its part of the
widths (CUDA_VISIBLE_DEVICES chooses it). It may be stopped and started again: what OUT already holds is not repeated.
The second prints what to write under `assets` of an overlay. `--task small` needs no DIR.
"""

import argparse
import fcntl
import hashlib
import json
import os
import sys

FAMILY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, FAMILY)
import scaling_law
from assets import openwebtext
from assets.score import Surface

FRACTIONS = (0.9, 1.1)


def lay_folder(task, folder, assets, seed):
    """The folder that is trained in, made by whoever comes first; the others wait."""
    with open(folder.rstrip(os.sep) + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Written last.
        if os.path.exists(os.path.join(folder, "answer.json")):
            return
        if os.path.isdir(folder) and os.listdir(folder):
            raise SystemExit("%s was begun and not finished, or is something else. Remove it, or name another folder." % folder)
        openwebtext.DATA = openwebtext.SCORER_DATA = os.path.abspath(assets) if assets else ""
        scaling_law.lay_solution(task, folder, seed)


def read_runs(path):
    with open(path) as file:
        return json.load(file)["runs"]


def write_surface(path, task, runs):
    with open(path + ".new", "w") as file:
        json.dump({"target_flops": task["config"]["target_flops"], "runs": runs}, file)
    os.replace(path + ".new", path)


def measure(task, folder, widths, out, seed):
    sys.path.insert(0, folder)
    import torch
    from train import flops, train

    torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // 2))
    with open(os.path.join(folder, "config.json")) as file:
        config = json.load(file)
    runs = read_runs(out) if os.path.exists(out) else []
    done = {(run["n_embd"], run["fraction"]) for run in runs}
    for width in widths:
        for fraction in FRACTIONS:
            if (width, fraction) in done:
                continue
            max_iters = round(fraction * config["target_flops"] / flops(config, width, 1))
            loss = train(config, width, max_iters, seed, os.path.join(folder, "data"))
            runs.append({"n_embd": width, "fraction": fraction, "max_iters": max_iters, "loss": round(loss, 4)})
            print(runs[-1], flush=True)
            write_surface(out, task, runs)


def join(task, parts, out):
    """Puts the parts together, and refuses what the scorer could not score with."""
    runs = sorted((run for part in parts for run in read_runs(part)), key=lambda run: (run["n_embd"], run["fraction"]))
    widths, (lowest, highest) = Surface(runs).widths, task["widths"]
    if not widths[0] <= lowest < highest <= widths[-1]:
        raise SystemExit("Answers may have widths from %d to %d; these parts go from %d to %d." % (lowest, highest, widths[0], widths[-1]))
    write_surface(out, task, runs)
    with open(out, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    asset = {"url": "file://" + os.path.abspath(out), "sha256": digest, "bytes": os.path.getsize(out), "path": "scaling_law/surface.json", "for": "scorer"}
    print("assets: " + json.dumps([asset]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True)
    parser.add_argument("--task", default="main", choices=sorted(scaling_law.TASKS))
    parser.add_argument("--join", nargs="+", metavar="PART")
    parser.add_argument("--assets", metavar="DIR")
    parser.add_argument("--folder", metavar="WORK")
    parser.add_argument("--widths", help="multiples of n_head, with commas between")
    parser.add_argument("--seed", type=int, default=1, help="of the training")
    parser.add_argument("--deployment-seed", default=scaling_law.seed(), help="what this deployment gives its scorers as PLUMBLINE_SEED_VALUE")
    asked = parser.parse_args()
    task = scaling_law.TASKS[asked.task]
    if asked.join:
        return join(task, asked.join, asked.out)
    if not asked.folder or not asked.widths or (asked.task == "main" and not asked.assets):
        parser.error("--folder and --widths are needed, and --assets for the task main")
    lay_folder(task, asked.folder, asked.assets, asked.deployment_seed)
    measure(task, asked.folder, [int(text) for text in asked.widths.split(",")], asked.out, asked.seed)


if __name__ == "__main__":
    main()
