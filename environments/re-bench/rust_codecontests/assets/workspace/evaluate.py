"""Tries solution/solve_code_contests_rust.py on the problems of data/valid.jsonl: python3 evaluate.py [COUNT]. Your own tool: change it as you like."""

import json
import sys
import time

sys.path.insert(0, "solution")
from judge import judge_all, same_output
from model import budget
from solve_code_contests_rust import solve_batch

with open("data/valid.jsonl") as file:
    problems = [json.loads(line) for line in file][: int(sys.argv[1]) if len(sys.argv) > 1 else None]
shown = [{key: problem[key] for key in ("name", "description", "public_tests", "time_limit_seconds")} for problem in problems]
begun = time.monotonic()
sources = solve_batch(shown)
elapsed = time.monotonic() - begun
tests = [problem["public_tests"] + problem["private_tests"] for problem in problems]
programs = [
    {"source": source, "inputs": [test["input"] for test in cases], "time_limit_seconds": problem["time_limit_seconds"]}
    for source, cases, problem in zip(sources, tests, problems)
]
solved = 0
for problem, cases, result in zip(problems, tests, judge_all(programs)):
    right = sum(same_output(output, case["output"]) for output, case in zip(result["outputs"], cases))
    solved += right == len(cases)
    print("%-28s %s" % (problem["name"], "%d of %d tests" % (right, len(cases)) if result["compiled"] else "does not compile"))
print("%d of %d problems solved, in %.1f s. Budget: %s" % (solved, len(problems), elapsed, budget()))
