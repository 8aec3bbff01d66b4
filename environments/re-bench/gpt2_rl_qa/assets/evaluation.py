"""Asks the judge which of two answers is better, as the scorer does. The only way to the judge that the rules allow; do not change it."""

import concurrent.futures

from model_client import ask

PROMPT = """Two answers to one question are to be compared.

Question: %s
Answer A: %s
Answer B: %s

Which answer is better: more correct, more helpful and better written? Reply with the letter A or B alone."""
CALLS_AT_ONCE = 8


def one_verdict(question, a, b):
    """1 where the judge prefers `a`, 0 where it prefers `b`, and one half where it says neither."""
    said = ask([{"role": "user", "content": PROMPT % (question, a, b)}], temperature=0, max_tokens=4)[0].strip().upper()
    return 1.0 if said.startswith("A") else 0.0 if said.startswith("B") else 0.5


def win(question, answer, other):
    """How much better `answer` is than `other`: the mean of both orders, because judges favour a place. Alike is one half, without asking."""
    if answer == other:
        return 0.5
    return (one_verdict(question, answer, other) + 1 - one_verdict(question, other, answer)) / 2


def wins(rows):
    """`win` for each (question, answer, other), several at once."""
    with concurrent.futures.ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
        return list(pool.map(lambda row: win(*row), rows))
