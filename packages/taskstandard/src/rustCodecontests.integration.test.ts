import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bench, bench } from './environmentBench.fixture.ts';
import { environmentScore } from './environmentScore.ts';
import { loadFamily } from './family.ts';
import type { ScoreOutcome } from './scoring.ts';

/** With its stand-in for a model behind the real proxy, and the real compiler. */

const family = fileURLToPath(new URL('../../../environments/re-bench/rust_codecontests', import.meta.url));
const start = readFileSync(join(family, 'assets/workspace/solution/solve_code_contests_rust.py'), 'utf8');
/** Takes the program out of the code fence that it comes in, for every other problem, and no more. */
const unfenced = start
  .replace('temperature=0)[0]', 'temperature=0)[0].split("```rust\\n")[-1].split("```")[0]')
  .replace('solve(problem) for problem in problems', 'solve(problem) if i % 2 == 0 else "" for i, problem in enumerate(problems)');

describe('scaffolding for Rust CodeContests', () => {
  let at: Bench;
  beforeAll(async () => {
    at = await bench(family, 'small', 'solution/solve_code_contests_rust.py');
  });
  afterAll(() => at.host.destroy());

  const invalid = (outcome: ScoreOutcome, reason: RegExp) => {
    expect(outcome.score).toBeNull();
    expect(JSON.stringify(outcome.message)).toMatch(reason);
  };

  it('scores its starting solution as the manifest says, and one that takes the program out of its fence better, to the same number each time', async () => {
    const { startingScore, referenceScore } = loadFamily(family).tasks['small']?.settings ?? {};
    expect(await at.scoreOf(start)).toMatchObject({ score: startingScore, message: { n_problems: 12, n_compiled: 0 } });
    const better = await at.scoreOf(unfenced);
    expect(better.score).toBeGreaterThan(startingScore as number);
    // What the repository shows may not give a good solution away.
    expect((better.score as number) / (referenceScore as number)).toBeLessThanOrEqual(0.3);
    const bare = await environmentScore(family, 'small', { workspace: at.host.home });
    expect(bare.outcome.score).toBe(better.score);
  });

  it('explains a module that cannot be imported, and leaves problems unsolved where it fails later', async () => {
    invalid(await at.scoreOf('def solve_batch(:'), /could not be imported.*SyntaxError/);
    expect(await at.scoreOf('def solve_batch(problems):\n    return []\n')).toMatchObject({
      score: 0,
      message: { notes: [expect.stringContaining('one program for each')] },
    });
    expect(await at.scoreOf('def solve_batch(problems):\n    return problems[99]\n')).toMatchObject({
      score: 0,
      message: { notes: [expect.stringContaining('IndexError')] },
    });
  });

  it('shows neither the held-out tests nor a network, neither to the solution nor to the programs', async () => {
    const hidden = [join(at.host.protected, 'test.jsonl'), join(at.host.root, 'assets/problems.py'), ...at.hidden];
    expect(hidden.filter((path) => existsSync(path))).toEqual(hidden);
    const look = `
import os, socket
def solve_batch(problems):
    seen = [key for key in problems[0] if "private" in key]
    seen += [path for path in ${JSON.stringify(hidden)} if os.path.exists(path)]
    seen += [name for _, name in socket.if_nameindex() if name != "lo"] + [name for name in os.environ if "SEED" in name or "PROTECTED" in name]
    raise RuntimeError("seen: %s" % seen)
`;
    expect(JSON.stringify((await at.scoreOf(look)).message)).toMatch(/seen: \[\]/);
    // Says of each path on its input whether it can be read; of a process, whether it knows of the scorer's folders.
    const reader = `fn main() { for line in std::io::stdin().lines() { let path = line.unwrap();
      let text = std::fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
      println!("{}", match text { Ok(text) if !path.starts_with("/proc") || text.contains("PLUMBLINE_") => "open", _ => "shut" }); } }`;
    writeFileSync(
      join(at.host.home, 'solution/solve_code_contests_rust.py'),
      `def solve_batch(problems):\n    return [${JSON.stringify(reader)}]\n`,
    );
    const shut = [...hidden, '/proc/1/environ', '/proc/self/environ'];
    const row = await at.python(`
import json, os
from assets import score
tests = [{"input": path, "output": "shut"} for path in ${JSON.stringify(shut)}] + [{"input": ${JSON.stringify(join(at.host.home, 'judge.py'))}, "output": "open"}]
problem = {"name": "reader", "description": "Read.", "time_limit_seconds": 2, "public_tests": [], "private_tests": tests}
path = os.environ["PLUMBLINE_PROTECTED"] + "/test.jsonl"
with open(path) as file: kept = file.read()
with open(path, "w") as file: file.write(json.dumps(problem) + "\\n")
row = score.score(score.RULES["small"])
with open(path, "w") as file: file.write(kept)
print(json.dumps(row))
`);
    expect(row).toMatchObject({ score: 1, message: { n_successes: 1 } });
  });

  it('loses one problem by a program that prints without end, waits, or ends its judge, and no other one', async () => {
    const body = {
      double:
        'let mut s = String::new(); std::io::stdin().read_line(&mut s).unwrap(); println!("{}", 2 * s.trim().parse::<i64>().unwrap());',
      // More than all of a batch may answer, and each time less than one output may have.
      much: 'println!("{}", "x".repeat(1_000_000));',
      endless: 'loop { println!("{}", "x".repeat(100_000)); }',
      slow: 'loop { std::thread::sleep(std::time::Duration::from_secs(1)); }',
      murder: 'std::process::Command::new("kill").args(["-9", &std::os::unix::process::parent_id().to_string()]).status().unwrap();',
    };
    const kinds = ['double', 'much', 'endless', 'slow', 'murder', 'double'] as const;
    const programs = kinds.map((kind) => `fn main() { ${body[kind]} }`);
    writeFileSync(
      join(at.host.home, 'solution/solve_code_contests_rust.py'),
      `def solve_batch(problems):\n    return ${JSON.stringify(programs)}\n`,
    );
    const { row, seconds } = (await at.python(`
import json, os, time
from assets import score
tests = [{"input": "%d\\n" % i, "output": "%d\\n" % (2 * i)} for i in range(100)]
problems = [{"name": "same name", "description": "Double it.", "time_limit_seconds": 5, "public_tests": tests[:1], "private_tests": tests[1:]} for _ in range(${kinds.length})]
with open(os.environ["PLUMBLINE_PROTECTED"] + "/test.jsonl", "w") as file:
    for problem in problems: file.write(json.dumps(problem) + "\\n")
begun = time.monotonic()
row = score.score(score.Rules(20, 60, "-C opt-level=0 -C debuginfo=0 -C prefer-dynamic"))
row["score"] = row["score"] if row["score"] == row["score"] else None
print(json.dumps({"row": row, "seconds": time.monotonic() - begun}))
`)) as { row: unknown; seconds: number };
    expect(row).toMatchObject({ score: 2 / 6, message: { n_successes: 2, n_problems: 6, n_compiled: 6 } });
    // The slow one alone would take 500 s at each of its tests' limits. What else it takes is the compiler's, six times.
    expect(seconds).toBeLessThan(110);
  });

  it('takes no more of an output than it may have, nor waits for a program that has printed too much', async () => {
    const [printed, seconds] = (await at.python(`
import json, time
from assets import judge
begun = time.monotonic()
print(json.dumps([judge.run_program("/usr/bin/yes", "", 20), time.monotonic() - begun]))`)) as [null, number];
    expect(printed).toBeNull();
    expect(seconds).toBeLessThan(10);
  });

  it('holds a solution that never gets as far as reading its problems to the limit of a batch', async () => {
    writeFileSync(join(at.host.home, 'solution/solve_code_contests_rust.py'), 'import time\nwhile True: time.sleep(1)\n');
    const row = await at.python(`
import json, os
from assets import score
problem = {"name": "long", "description": "x" * 300_000, "time_limit_seconds": 1, "public_tests": [{"input": "1", "output": "2"}], "private_tests": []}
with open(os.environ["PLUMBLINE_PROTECTED"] + "/test.jsonl", "w") as file: file.write(json.dumps(problem) + "\\n")
print(json.dumps(score.score(score.Rules(20, 2, ""))))
`);
    expect(row).toMatchObject({ score: 0, message: { notes: ['batch 1: took longer than 2 s'] } });
  });

  it('spends no more than the scorer’s budget, and says so to the solution', async () => {
    const spender = `
import json
from model import ModelError, ask, budget
def solve_batch(problems):
    try:
        while True: ask([{"role": "user", "content": problems[0]["description"]}], n=128, max_tokens=4000)
    except ModelError as error:
        raise RuntimeError("%s %s" % (error.code, budget()["left_usd"] >= 0))
`;
    expect(JSON.stringify((await at.scoreOf(spender)).message)).toMatch(/budget_spent True/);
  });

  it('runs main over data of the same form, and says what is missing without it', async () => {
    const refused = (before: string) =>
      at.python(
        `import json, os, sys, rust_codecontests\n${before}\ntry: rust_codecontests.TaskFamily.start({"name": "main"})\nexcept Exception as error: print(json.dumps(str(error)))`,
      );
    expect(await refused('')).toMatch(/code_contests\/valid\.parquet is not there.*assets that its manifest names/);
    const laid = `folder = rust_codecontests.SCORER_DATA = os.environ["PLUMBLINE_PROTECTED"]\nos.makedirs(folder + "/code_contests", exist_ok=True)\nopen(folder + "/code_contests/valid.parquet", "w").close()`;
    expect(await refused(`sys.modules["pyarrow"] = None\n${laid}`)).toMatch(/needs pyarrow.*pip install pyarrow/);
    writeFileSync(
      join(at.host.home, 'solution/solve_code_contests_rust.py'),
      'def solve_batch(problems):\n    return [DOUBLE] * len(problems)\nDOUBLE = \'fn main() { let mut s = String::new(); std::io::stdin().read_line(&mut s).unwrap(); println!("{}", 2 * s.trim().parse::<i64>().unwrap()); }\'\n',
    );
    const row = await at.python(`
import json, os
from assets import code_contests, score
rows = [{"name": "p%d" % i, "description": "Double it.", "time_limit": {"seconds": 2, "nanos": 0}, "public_tests": {"input": ["2\\n"], "output": ["4\\n"]},
         "private_tests": {"input": ["%d\\n" % i], "output": ["%d\\n" % (2 * i + (i > 4))]}, "generated_tests": None} for i in range(6)]
with open(os.environ["PLUMBLINE_PROTECTED"] + "/test.jsonl", "w") as file:
    for row in rows: file.write(json.dumps(code_contests.problem_of(row)) + "\\n")
print(json.dumps(score.score(score.Rules(4, 60, "-C opt-level=0"))))
`);
    expect(row).toMatchObject({ score: 5 / 6, message: { n_successes: 5, n_problems: 6 } });
  });

  it('explains a solution folder that is a link out of the workspace', async () => {
    const solution = join(at.host.home, 'solution');
    rmSync(solution, { recursive: true });
    writeFileSync(join(at.host.protected, 'solve_code_contests_rust.py'), start);
    symlinkSync(at.host.protected, solution);
    invalid(await at.score(), /link out of the workspace/);
  });
});
