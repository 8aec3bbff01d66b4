"""A language model that predicts each token from the eight before it, with its gradient written out. float32 throughout."""

import numpy

CONTEXT = 8
SHAPES = {"embedding": (129, 32), "hidden.weight": (256, 192), "hidden.bias": (192,), "out.weight": (192, 129), "out.bias": (129,)}


def contexts(tokens):
    """The tokens (batch, length, CONTEXT) before each of `tokens` (batch, length); zeros before the first."""
    padded = numpy.concatenate([numpy.zeros((len(tokens), CONTEXT), dtype=tokens.dtype), tokens], axis=1)
    return numpy.stack([padded[:, at : at + tokens.shape[1]] for at in range(CONTEXT)], axis=2)


def forward(weights, tokens):
    """Logits (positions, tokens) of each token, and what the gradient needs."""
    before = contexts(tokens).reshape(-1, CONTEXT)
    x = weights["embedding"][before].reshape(len(before), -1)
    hidden = numpy.tanh(x @ weights["hidden.weight"] + weights["hidden.bias"])
    return hidden @ weights["out.weight"] + weights["out.bias"], (before, x, hidden)


def loss_and_gradient(weights, tokens, learned):
    """The sum over learned positions of the loss in nats, and its gradient, as a dict like `weights`."""
    logits, (before, x, hidden) = forward(weights, tokens)
    logits = logits - logits.max(axis=1, keepdims=True)
    share = numpy.exp(logits)
    share /= share.sum(axis=1, keepdims=True)
    rows, targets = numpy.arange(len(share)), tokens.reshape(-1)
    counted = learned.reshape(-1).astype(numpy.float32)
    loss = float(-(numpy.log(share[rows, targets] + 1e-30) * counted).sum())
    share[rows, targets] -= 1
    share *= counted[:, None]
    gradient = {"out.weight": hidden.T @ share, "out.bias": share.sum(axis=0)}
    back = (share @ weights["out.weight"].T) * (1 - hidden**2)
    gradient.update({"hidden.weight": x.T @ back, "hidden.bias": back.sum(axis=0)})
    gradient["embedding"] = numpy.zeros_like(weights["embedding"])
    numpy.add.at(gradient["embedding"], before, (back @ weights["hidden.weight"].T).reshape(*before.shape, -1))
    return loss, gradient
