"""The problems of the task `small`: made from the deployment's seed, each with a statement, tests and what a model might write.

The stand-in model reads a problem's statement back into its kind and parameters (`recognise`) and writes `rust` for it,
spoilt more or less often. `bugs` are texts to exchange in a program that make it wrong.
"""

import random
import re
from collections import Counter

HEAD = """use std::io::{self, Read};

fn main() {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).unwrap();
    let mut words = text.split_whitespace();
    let n: usize = words.next().unwrap().parse().unwrap();
    let a: Vec<i64> = words.by_ref().take(n).map(|w| w.parse().unwrap()).collect();
"""


class Kind:
    """One kind of problem: `statement` with `%d` for its parameter `k`, an answer in Python, a program in Rust."""

    def __init__(self, name, statement, answer, body, bugs, ease, ks=(0,), values=(-50, 50)):
        self.name, self.statement, self.answer, self.body = name, statement, answer, body
        self.bugs, self.ease, self.ks, self.values = bugs, ease, ks, values

    def text(self, k):
        story = self.statement % k if "%d" in self.statement else self.statement
        return story + "\n\nThe first line of the input has a whole number n, 1 <= n <= 1000. The second has n whole numbers. Print one whole number."

    def rust(self, k):
        return HEAD + self.body.replace("K", str(k)) + "}\n"


def _runs(a, k):
    best = run = 1
    for before, now in zip(a, a[1:]):
        run = run + 1 if now == before else 1
        best = max(best, run)
    return best


def _subarray(a, k):
    best = run = a[0]
    for value in a[1:]:
        run = max(value, run + value)
        best = max(best, run)
    return best


def _rising(a, k):
    tails = []
    for value in a:
        at = next((i for i, tail in enumerate(tails) if tail >= value), len(tails))
        tails[at : at + 1] = [value]
    return len(tails)


def _window(a, k):
    return max(sum(a[i : i + k]) for i in range(len(a) - k + 1)) if len(a) >= k else sum(a)


def _inversions(a, k):
    return sum(a[i] > a[j] for i in range(len(a)) for j in range(i + 1, len(a)))


KINDS = [
    Kind(
        "divisible-sum",
        "A shop gives back the price of everything whose price can be divided by %d. Given the prices, find how much it gives back in all.",
        lambda a, k: sum(x for x in a if x % k == 0),
        "    let total: i64 = a.iter().filter(|x| *x % K == 0).sum();\n    println!(\"{}\", total);\n",
        [("% K == 0", "% K == 1"), (".sum()", ".max().unwrap()"), ("let total: i64", "let total: i32")],
        0.25,
        (2, 3, 5, 7),
    ),
    Kind(
        "steep-steps",
        "A path is given by its heights. A step between two neighbouring heights is steep when they differ by %d or more. How many steep steps are there?",
        lambda a, k: sum(abs(x - y) >= k for x, y in zip(a, a[1:])),
        "    let count = a.windows(2).filter(|w| (w[0] - w[1]).abs() >= K).count();\n    println!(\"{}\", count);\n",
        [(">= K", "> K"), (".abs()", ""), ("windows(2)", "chunks(2)"), ("w[1]", "w[2]")],
        0.2,
        (5, 10, 20, 30),
    ),
    Kind(
        "longest-run",
        "Beads hang on a string, each with a number for its colour. Find the length of the longest stretch of beads of one colour.",
        _runs,
        "    let (mut best, mut run) = (1, 1);\n    for i in 1..n {\n        run = if a[i] == a[i - 1] { run + 1 } else { 1 };\n        best = best.max(run);\n    }\n    println!(\"{}\", best);\n",
        [("else { 1 }", "else { 0 }"), ("(mut best, mut run)", "(best, run)"), ("println!(\"{}\", best)", "println!(\"{}\", run)")],
        0.2,
        values=(1, 3),
    ),
    Kind(
        "best-trip",
        "Each day of a trip brings a gain or a loss. Choose a first and a last day, at least one day in all, so that the gains and losses between them add up to as much as possible. Print that sum.",
        _subarray,
        "    let (mut best, mut run) = (a[0], a[0]);\n    for &x in &a[1..] {\n        run = x.max(run + x);\n        best = best.max(run);\n    }\n    println!(\"{}\", best);\n",
        [("x.max(run + x)", "0.max(run + x)"), ("(a[0], a[0])", "(0, 0)"), ("best.max(run)", "run"), ("for &x", "for x")],
        0.15,
    ),
    Kind(
        "different-above",
        "How many different numbers above %d are on the list?",
        lambda a, k: len({x for x in a if x > k}),
        "    let set: std::collections::HashSet<i64> = a.into_iter().filter(|x| *x > K).collect();\n    println!(\"{}\", set.len());\n",
        [("> K", ">= K"), ("HashSet<i64>", "HashSet<i32>"), ("std::collections::HashSet", "Vec"), ("*x >", "x >")],
        0.2,
        (-10, 0, 10, 20),
    ),
    Kind(
        "longest-rising",
        "Strike out numbers of the list, as few as possible, so that those that are left grow strictly from left to right. How many are left?",
        _rising,
        "    let mut tails: Vec<i64> = Vec::new();\n    for x in a {\n        match tails.binary_search(&x) {\n            Ok(_) => {}\n            Err(i) if i == tails.len() => tails.push(x),\n            Err(i) => tails[i] = x,\n        }\n    }\n    println!(\"{}\", tails.len());\n",
        [("Ok(_) => {}", "Ok(_) => tails.push(x),"), ("tails[i] = x", "tails.insert(i, x)"), ("let mut tails", "let tails"), ("Err(i) => tails[i] = x,", "Err(_) => {}")],
        0.08,
    ),
    Kind(
        "busiest-window",
        "Visitors were counted every hour. Find the largest number of visitors in %d hours on end; where fewer hours were counted, in all of them.",
        _window,
        "    let k = K.min(n);\n    let mut sum: i64 = a[..k].iter().sum();\n    let mut best = sum;\n    for i in k..n {\n        sum += a[i] - a[i - k];\n        best = best.max(sum);\n    }\n    println!(\"{}\", best);\n",
        [("K.min(n)", "K"), ("a[i - k]", "a[i - k + 1]"), ("let mut best = sum", "let mut best = 0"), ("let mut sum: i64", "let sum: i64")],
        0.12,
        (2, 3, 4),
        (-20, 50),
    ),
    Kind(
        "wrong-order",
        "Count the pairs of places on the list where the larger number stands before the smaller one.",
        _inversions,
        "    let mut count = 0;\n    for i in 0..n {\n        for j in i + 1..n {\n            if a[i] > a[j] {\n                count += 1;\n            }\n        }\n    }\n    println!(\"{}\", count);\n",
        [("a[i] > a[j]", "a[i] >= a[j]"), ("i + 1..n", "i + 1..(i + 2).min(n)"), ("let mut count", "let count"), ("i + 1..n", "0..n")],
        0.2,
    ),
    Kind(
        "often",
        "Which number stands on the list most often? Of several, print the largest.",
        lambda a, k: max(Counter(a).items(), key=lambda item: (item[1], item[0]))[0],
        "    let mut counts = std::collections::BTreeMap::new();\n    for x in a {\n        *counts.entry(x).or_insert(0) += 1;\n    }\n    let best = counts.iter().max_by_key(|(x, c)| (**c, **x)).unwrap();\n    println!(\"{}\", best.0);\n",
        [("(**c, **x)", "(**c, -**x)"), ("best.0", "best.1"), ("(**c, **x)", "**x"), ("let mut counts", "let counts")],
        0.15,
        values=(1, 6),
    ),
    Kind(
        "far-apart",
        "Find the largest distance between two places of the list that hold the same number; 0 where no number stands there twice.",
        lambda a, k: max(len(a) - 1 - a[::-1].index(x) - a.index(x) for x in set(a)),
        "    let mut first = std::collections::HashMap::new();\n    let mut best = 0;\n    for (i, x) in a.iter().enumerate() {\n        let at = *first.entry(x).or_insert(i);\n        best = best.max(i - at);\n    }\n    println!(\"{}\", best);\n",
        [("or_insert(i)", "or_insert(0)"), ("best.max(i - at)", "i - at"), ("let mut best = 0", "let best = 0"), ("i - at", "i - at + 1")],
        0.12,
        values=(1, 30),
    ),
]


def make(seed, count):
    """`count` problems of a split, as dicts: name, description, time_limit_seconds, public_tests, private_tests."""
    draw = random.Random(seed)
    problems = []
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        k = draw.choice(kind.ks)
        tests = []
        # Two of the five are small and shown: a wrong program may pass them.
        for size in (4, 6, 12, 40, 300):
            a = [draw.randint(*kind.values) for _ in range(size)]
            tests.append({"input": "%d\n%s\n" % (size, " ".join(map(str, a))), "output": "%d\n" % kind.answer(a, k)})
        problems.append(
            {
                "name": "%s-%d" % (kind.name, number),
                "description": kind.text(k),
                "time_limit_seconds": 3,
                "public_tests": tests[:2],
                "private_tests": tests[2:],
            }
        )
    draw.shuffle(problems)
    return problems


def recognise(text):
    """The kind and the parameter of the problem whose statement stands in `text`; (None, 0) where there is none."""
    for kind in KINDS:
        found = re.search(re.escape(kind.statement).replace("%d", r"(-?\d+)"), text)
        if found:
            return kind, int(found.group(1)) if found.groups() else 0
    return None, 0
