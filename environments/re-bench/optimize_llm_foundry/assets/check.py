"""Runs the original and your solution on solution/train_data.jsonl, and compares seconds and weights. Your own tool: change it as you like.

    python3 check.py
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time

import weights

HERE = os.path.dirname(os.path.abspath(__file__))
GIVEN = ("base_model", "train_data.jsonl", "finetune.yaml")


def run(folder, scratch):
    directory = os.path.join(scratch, folder)
    shutil.copytree(os.path.join(HERE, folder), directory, ignore=shutil.ignore_patterns("trained_model", *GIVEN))
    for name in GIVEN:
        os.symlink(os.path.join(HERE, "solution", name), os.path.join(directory, name))
    begun = time.perf_counter()
    subprocess.run(["bash", "finetune.sh"], cwd=directory, check=True)
    seconds = time.perf_counter() - begun
    return seconds, weights.read(os.path.join(directory, "trained_model"), 2**40)


with tempfile.TemporaryDirectory() as scratch:
    theirs, wanted = run("original", scratch)
    yours, trained = run("solution", scratch)
unlike = weights.unlike(trained, wanted)
if unlike:
    sys.exit("other names, shapes or number types than the original's: %s" % ", ".join(unlike))
print("original %.2f s, yours %.2f s, L1 distance %.4g" % (theirs, yours, weights.l1_distance(trained, wanted)))
