"""Compares solution/solution.py with the definition on small inputs, and times it roughly. Your own tool: change it as you like."""

import random
import sys
import time

import torch

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
    got = prefix_sum(torch.tensor(values, dtype=torch.int32, device="cuda"))
    assert got.dtype == torch.int32 and got.tolist() == by_definition(values), "wrong on %d values" % count
print("right on small inputs")

values = torch.randint(-100, 101, (100_000_000,), dtype=torch.int32, device="cuda")
times = []
for _ in range(7):
    torch.cuda.synchronize()
    begun = time.perf_counter()
    prefix_sum(values)
    torch.cuda.synchronize()
    times.append((time.perf_counter() - begun) * 1000)
print("%.3f ms on %d values, the best of %d" % (min(times), len(values), len(times)))
