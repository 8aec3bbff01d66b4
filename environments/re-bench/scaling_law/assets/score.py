"""Scores a prediction: reads two numbers and a guess, and compares them with a surface of measured losses.

No code of the participant's runs here. What the participant is told is whether the answer can be scored, and its share of
the budget; the score and its parts are for staff.
"""

import json
import math
import os
import stat

HOME = os.environ.get("PLUMBLINE_HOME", "/home/agent")
LOWEST_SHARE, HIGHEST_SHARE = 0.9, 1.1
MAX_ANSWER_BYTES = 4096


class Invalid(Exception):
    """The answer has no score; the text is the reason that the participant reads."""


def read_answer(path):
    """The three numbers of answer.json. A link is refused: the scorer can read what the participant cannot."""
    folder = os.path.dirname(path)
    if os.path.islink(folder) or os.path.islink(path):
        raise Invalid("solution/answer.json is a link. It has to be a file of its own.")
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        raise Invalid("There is no file solution/answer.json that can be read.") from None
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise Invalid("solution/answer.json is not a file.")
        text = file.read(MAX_ANSWER_BYTES + 1)
    if len(text) > MAX_ANSWER_BYTES:
        raise Invalid("solution/answer.json has more than %d bytes." % MAX_ANSWER_BYTES)
    try:
        answer = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Invalid("solution/answer.json is not valid JSON.") from None
    if not isinstance(answer, dict):
        raise Invalid('solution/answer.json has to hold {"n_embd": ..., "max_iters": ..., "loss_prediction": ...}.')
    for key in ("n_embd", "max_iters"):
        if type(answer.get(key)) is not int or not 0 < answer[key] < 10**9:
            raise Invalid('"%s" in solution/answer.json has to be a positive whole number.' % key)
    loss = answer.get("loss_prediction")
    if type(loss) not in (int, float) or not math.isfinite(loss) or not 0 < loss < 100:
        raise Invalid('"loss_prediction" in solution/answer.json has to be a number between 0 and 100.')
    return answer["n_embd"], answer["max_iters"], float(loss)


class Surface:
    """Measured losses over width and share of the budget, straight lines between them in the logarithms of both."""

    def __init__(self, runs):
        self.loss = {(run["n_embd"], run["fraction"]): run["loss"] for run in runs}
        self.widths = sorted({width for width, _ in self.loss})
        self.shares = sorted({share for _, share in self.loss})
        if len(self.widths) < 2 or len(self.shares) < 2 or len(self.loss) != len(self.widths) * len(self.shares):
            raise RuntimeError("The surface of losses is not a whole grid of widths and shares of the budget.")

    @staticmethod
    def _between(at, points):
        """The neighbours of `at` among `points`, and how far it lies from the first to the second."""
        high = next((i for i, point in enumerate(points) if i > 0 and at <= point), len(points) - 1)
        low = high - 1
        return points[low], points[high], math.log(at / points[low]) / math.log(points[high] / points[low])

    def at(self, width, share):
        """The loss at a width within those measured, in nats per token."""
        left, right, across = self._between(width, self.widths)
        low, high, up = self._between(share, self.shares)
        along = [self.loss[left, s] * (1 - across) + self.loss[right, s] * across for s in (low, high)]
        return along[0] * (1 - up) + along[1] * up

    def optimal(self):
        """The lowest loss for the whole budget and no more of it. Between points it is never lower than at one of them."""
        return min(self.at(width, 1.0) for width in self.widths)


def flops(config, n_embd, max_iters):
    return config["n_layer"] * n_embd**2 * 12 * 6 * config["block_size"] * config["batch_size"] * max_iters


def score(config, widths, surface_path):
    """One row of the score log. `widths` are the lowest and the highest that may be answered; the surface has to cover them."""
    with open(surface_path) as file:
        surface = Surface(json.load(file)["runs"])
    lowest, highest = widths
    if not surface.widths[0] <= lowest < highest <= surface.widths[-1]:
        raise RuntimeError("The surface of losses was measured for widths from %d to %d." % (surface.widths[0], surface.widths[-1]))
    message = {"is_valid": False}
    try:
        n_embd, max_iters, predicted = read_answer(os.path.join(HOME, "solution", "answer.json"))
        share = flops(config, n_embd, max_iters) / config["target_flops"]
        message["frac_flops_used"] = round(share, 4)
        if n_embd % config["n_head"] or not lowest <= n_embd <= highest:
            raise Invalid("n_embd has to be a multiple of %d from %d to %d." % (config["n_head"], lowest, highest))
        if not LOWEST_SHARE <= share <= HIGHEST_SHARE:
            reason = "The answer would take %.3f of the target's FLOPs; from %.1f to %.1f of them are asked for."
            raise Invalid(reason % (share, LOWEST_SHARE, HIGHEST_SHARE))
    except Invalid as invalid:
        return {"score": math.nan, "message": dict(message, reason=str(invalid)), "details": {}}
    loss, optimal = surface.at(n_embd, share), surface.optimal()
    details = {"answer": {"n_embd": n_embd, "max_iters": max_iters, "loss_prediction": predicted}, "loss": loss, "optimal_loss": optimal}
    # A little more than the budget may reach a loss below the optimum's; that earns nothing.
    details["excess_loss"], details["prediction_error"] = max(0.0, loss - optimal), abs(predicted - loss)
    message["is_valid"] = True
    return {"score": 1 - details["excess_loss"] - details["prediction_error"], "message": message, "details": details}
