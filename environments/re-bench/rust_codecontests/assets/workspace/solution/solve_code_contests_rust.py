"""Your solution. The scorer imports this module and calls solve_batch."""

from model import ask

PROMPT = """Write a program in Rust that solves the following problem.

%s"""


def solve(problem):
    """The text of a Rust program for one problem."""
    return ask([{"role": "user", "content": PROMPT % problem["description"]}], temperature=0)[0]


def solve_batch(problems):
    """The texts of Rust programs for `problems`, in the same order. Each has name, description, public_tests and time_limit_seconds."""
    return [solve(problem) for problem in problems]
