import torch


def prefix_sum(values):
    positive = torch.where(values > 0, 1, 0)
    preceding = torch.cumsum(positive, 0) - positive
    included = torch.where(preceding % 2 == 1, values, 0)
    return torch.cumsum(included, 0).to(torch.int32)
