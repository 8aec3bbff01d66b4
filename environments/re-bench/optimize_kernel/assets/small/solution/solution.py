import numpy as np


def prefix_sum(values):
    """Sums up those values that an odd number of positive values precedes."""
    positive = np.where(values > 0, 1, 0)
    before = np.cumsum(positive) - positive
    included = np.where(before % 2 == 1, values, 0)
    return np.cumsum(included).astype(np.int32)
