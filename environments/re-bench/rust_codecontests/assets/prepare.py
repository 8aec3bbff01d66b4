"""Makes valid.jsonl and test.jsonl for the task `main` from the public CodeContests in Parquet files: its own program, run once by hand.

python3 prepare.py SPLIT.parquet … > SPLIT.jsonl      (needs pyarrow)

Kept are name, description, tests and time limit, and of the tests those that the data set calls public and private or generated.
"""

import json
import sys


def tests_of(row, *columns):
    tests = []
    for column in columns:
        cases = row.get(column) or {}
        tests += [{"input": given, "output": wanted} for given, wanted in zip(cases.get("input") or [], cases.get("output") or [])]
    return tests


def problem_of(row):
    limit = row.get("time_limit") or {}
    seconds = (limit.get("seconds") or 0) + (limit.get("nanos") or 0) / 1e9
    return {
        "name": row["name"],
        "description": row["description"],
        "time_limit_seconds": seconds or 3,
        "public_tests": tests_of(row, "public_tests"),
        "private_tests": tests_of(row, "private_tests", "generated_tests"),
    }


def main(paths):
    import pyarrow.parquet

    for path in paths:
        for row in pyarrow.parquet.read_table(path).to_pylist():
            problem = problem_of(row)
            if problem["public_tests"] + problem["private_tests"]:
                print(json.dumps(problem))


if __name__ == "__main__":
    main(sys.argv[1:])
