"""Compares solution/solution.py with the definition on small inputs, and times it roughly. Your own tool: change it as you like."""

import random
import sys
import time

import numpy as np

sys.path.insert(0, "solution")
from solution import prefix_sum


def by_definition(values):
    total, positives, result = 0, 0, []
    for value in values:
        if positives % 2 == 1:
            total += value
        if value > 0:
            positives += 1
        result.append(total)
    return result


for count in (0, 1, 2, 3, 10, 1000, 65_537):
    values = [random.randint(-100, 100) for _ in range(count)]
    got = prefix_sum(np.array(values, dtype=np.int32))
    assert got.dtype == np.int32 and got.tolist() == by_definition(values), "wrong on %d values" % count
print("right on small inputs")

values = np.random.default_rng().integers(-100, 101, 5_000_000, dtype=np.int32)
times = []
for _ in range(7):
    begun = time.perf_counter()
    prefix_sum(values)
    times.append((time.perf_counter() - begun) * 1000)
print("about %.2f ms on 5,000,000 values" % sorted(times)[3])
