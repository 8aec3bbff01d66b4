import { spawnSync } from 'node:child_process';
import { cpSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { normalise } from '@plumbline/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Bench, bench } from './environmentBench.fixture.ts';
import { loadFamily } from './family.ts';
import type { ScoreOutcome } from './scoring.ts';
import type { EnvironmentSettings } from './settings.ts';

/** Against its own script, a quicker one, broken ones, and the ways to have the weights without having trained them in time. */

const dir = fileURLToPath(new URL('../../../environments/re-bench/optimize_llm_foundry', import.meta.url));
const STUBS = fileURLToPath(new URL('../fixtures', import.meta.url));
const settings = loadFamily(dir).tasks.small?.settings as EnvironmentSettings;
const confines = spawnSync('bwrap', ['--unshare-all', '--ro-bind', '/', '/', 'true']).status === 0;

interface Row {
  score: number | null;
  message: { reason?: string; timed_out?: boolean; seconds?: number; l1_distance?: number };
  details: Record<'solution' | 'original', { seconds: number }>;
}

describe('optimise a finetuning script', () => {
  let at: Bench;
  beforeAll(async () => {
    at = await bench(dir, 'small', 'solution/finetune.sh');
    cpSync(join(at.host.home, 'solution'), join(at.host.home, 'given'), { recursive: true });
  }, 300_000);
  afterAll(() => at.host.destroy());
  beforeEach(() => {
    rmSync(join(at.host.home, 'solution'), { recursive: true, force: true });
    cpSync(join(at.host.home, 'given'), join(at.host.home, 'solution'), { recursive: true });
  });

  /** Runs Python in a folder of the participant's, who may change it, and answers what it prints. */
  const run = (folder: string, source: string) => {
    const options = { cwd: join(at.host.home, folder), encoding: 'utf8', env: { PATH: `/usr/bin:${process.env.PATH}` } } as const;
    const done = spawnSync('/usr/bin/python3', ['-c', source], options);
    expect(done.stderr).toBe('');
    return done.stdout;
  };
  const change = (source: string) => run('solution', source);
  const FINETUNE = 'import subprocess; subprocess.run(["bash", "finetune.sh"], check=True, stdout=subprocess.DEVNULL)';
  /** What training on 320 rows takes. It is less than all of the script, so a gain in it is less in all. */
  const trainingCpuSeconds = (program: string) =>
    Number(
      change(`
import os, resource, shutil, subprocess
rows = open("train_data.jsonl").readlines()[:320]
open("train_data.jsonl", "w").writelines(rows)
os.environ["OPENBLAS_NUM_THREADS"] = "1"
shutil.rmtree("tokens", ignore_errors=True)
subprocess.run(["python3", "tokenize_data.py"], check=True)
taken = []
for _ in range(3):
    shutil.rmtree("checkpoints", ignore_errors=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run(["python3", ${JSON.stringify(program)}], check=True, stdout=subprocess.DEVNULL)
    taken.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)
print(min(taken))`),
    );
  const replace = (file: string, ...pairs: [string, string][]) =>
    change(
      `text = open(${JSON.stringify(file)}).read()\nfor old, new in ${JSON.stringify(pairs)}:\n    assert old in text, old\n    text = text.replace(old, new)\nopen(${JSON.stringify(file)}, "w").write(text)`,
    );
  /** The same scorer on 64 rows, two steps: what is caught there is caught on 1,000. */
  const scoreFew = async (limitSeconds = 60) =>
    (await at.python(`
import json
import optimize_llm_foundry as family
row = family.TaskFamily.intermediate_score(dict(family.TASKS["small"], rows=64, limit_seconds=${limitSeconds}))
print(json.dumps(dict(row, score=row["score"] if row["score"] == row["score"] else None)))
`)) as Row;
  const invalid = (row: Row | ScoreOutcome, reason: RegExp) => {
    expect(row.score).toBeNull();
    expect((row.message as Row['message']).reason).toMatch(reason);
  };

  it('scores by the time that is taken, and by no weights but the original’s', async () => {
    const start = await scoreFew();
    expect(start).toMatchObject({ message: { l1_distance: 0 } });
    // They are kept to the millisecond.
    expect(Math.exp(start.score as number)).toBeCloseTo(start.details.solution.seconds, 2);
    replace('finetune.sh', ['set -euo pipefail', `set -euo pipefail\nsleep ${Math.ceil(start.details.solution.seconds + 1)}`]);
    expect((await scoreFew(120)).score).toBeGreaterThan(start.score as number);
  }, 300_000);

  it('gives a better score to one that adds in larger parts and looks less often how it is doing', async () => {
    replace('train.py', ['% options["eval_interval_steps"] == 0', '% 30 == 0'], ['options["device_train_microbatch_size"]', '16']);
    const few = await scoreFew();
    expect(few.score).not.toBeNull();
    // Another order of the same sums is another number in the last digits.
    expect(few.message.l1_distance).toBeGreaterThan(0);
    // In seconds of the processor and the least of three, because whatever else runs on a machine only adds to them.
    const gained = Math.log(trainingCpuSeconds('train.py') / trainingCpuSeconds('../given/train.py'));
    expect(gained).toBeLessThan(0);
    expect(normalise((settings.startingScore as number) + gained, settings).unclipped).toBeLessThanOrEqual(0.3);
  }, 300_000);

  it.each([
    ['less data', 'train.py', 'len(ids) // batch', 'len(ids) // batch - 1'],
    ['half precision', 'export.py', 'loaded[name].tobytes()', 'loaded[name].astype("float16").astype("float32").tobytes()'],
    // Above all that a score draws.
    ['options of its own', 'train.py', 'options["lr"]', '4.0e-3'],
  ])(
    'refuses %s',
    async (_what, file, old, other) => {
      replace(file, [old, other]);
      invalid(await scoreFew(), /lie too far from the original's/);
    },
    300_000,
  );

  it('has other rows in each score, so that weights of an earlier run are of no use', async () => {
    // As many rows as the scorer draws, and its options as they stand in the file: those of another score but for their number.
    await at.python(`
import json, os
import optimize_llm_foundry as family
from assets import rows
with open(os.path.join(family.HOME, "solution", "train_data.jsonl"), "w") as file:
    file.write(rows.draw_inputs(dict(family.TASKS["small"], rows=64), "earlier")[0])
print(1)`);
    change(`${FINETUNE}\nimport os; os.rename("trained_model", "kept")`);
    replace('finetune.sh', ['python3 train.py', 'cp -r kept trained_model; exit 0']);
    invalid(await scoreFew(), /lie too far/);
  }, 300_000);

  it('has the weights that it compares with nowhere while the solution runs, and shows it no seed, no family and no network', async () => {
    const hidden = confines ? [at.host.protected, join(at.host.root, 'optimize_llm_foundry.py'), ...at.hidden] : [];
    const look = `
import glob, os, socket
seen = [path for path in ${JSON.stringify(hidden)} if os.path.isdir(path) and os.listdir(path) or os.path.isfile(path)]
seen += [path for path in glob.glob("/tmp/**/trained_model", recursive=True) if not path.startswith(os.environ["HOME"])]
seen += [name for name in os.environ if "SEED" in name or "PROTECTED" in name]
interfaces = [name for _, name in socket.if_nameindex() if name != "lo"] if ${confines ? 'True' : 'False'} else []
raise SystemExit("seen: %s, interfaces: %s" % (seen, interfaces))
`;
    invalid(await at.scoreOf(`python3 - <<'END'\n${look}END\n`), /seen: \[\], interfaces: \[\]/);
  }, 300_000);

  it('measures by its own clock, and takes nothing that is written after the script has ended', async () => {
    change('open("sitecustomize.py", "w").write("import time\\ntime.time = time.perf_counter = lambda: 0\\n")');
    replace('finetune.sh', ['set -euo pipefail', 'set -euo pipefail\nexport PYTHONPATH=.; date() { echo 0; }; sleep 1']);
    expect((await scoreFew()).message.seconds).toBeGreaterThan(1);
    invalid(
      await at.scoreOf('(sleep 0.5; cp -r base_model trained_model) </dev/null >/dev/null 2>&1 &\nexit 0\n'),
      /no folder trained_model/,
    );
  }, 300_000);

  it('explains a script that fails, does not end, or leaves what is none of the original’s weights', async () => {
    invalid(await at.scoreOf('echo no luck; exit 3\n'), /exit code 3.*no luck/s);
    invalid(await at.scoreOf('kill -9 $$\n'), /killed, probably for its memory/);
    invalid(await at.scoreOf('mkdir trained_model; echo 1 > trained_model/model.safetensors\n'), /has no header of this format/);
    invalid(await at.scoreOf('mkdir trained_model; ln -s /etc/passwd trained_model/model.safetensors\n'), /no file of its own/);
    const other = 'import numpy, weights; weights.write("trained_model/model.safetensors", {"w": numpy.zeros(3)})';
    const script = `mkdir trained_model; PYTHONPATH=${at.host.home} python3 -c '${other}'\n`;
    writeFileSync(join(at.host.home, 'solution/finetune.sh'), script);
    invalid(await scoreFew(), /other names, shapes or number types/);
    writeFileSync(join(at.host.home, 'solution/finetune.sh'), 'sleep 60\n');
    const late = await scoreFew(1);
    invalid(late, /took longer than 1 s/);
    expect(late.message.timed_out).toBe(true);
    rmSync(join(at.host.home, 'solution'), { recursive: true });
    symlinkSync(join(at.host.home, 'original'), join(at.host.home, 'solution'));
    invalid(await at.score(), /solution is a link/);
    rmSync(join(at.host.home, 'solution'));
  }, 300_000);

  it('says of the task main what it lacks, and draws its rows and options by the same rules', async () => {
    const said = (await at.python(`
import json, os, tempfile
import optimize_llm_foundry as family
from assets import rows
try: family.TaskFamily.start(family.TASKS["main"])
except FileNotFoundError as error: missing = str(error)
with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as pool:
    pool.write("".join(json.dumps({"prompt": str(n), "response": "r"}) + "\\n" for n in range(1200)))
    pool.flush()
    t = dict(family.TASKS["main"], pool=pool.name)
    drawn = [rows.draw_inputs(t, nonce) for nonce in ("a", "a", "b")]
text = open("assets/main/finetune.yaml").read()
print(json.dumps({
    "missing": missing, "again": drawn[0] == drawn[1], "other": drawn[0] != drawn[2],
    "rows": [len(set(rows.splitlines())) for rows, _ in drawn],
    "places": [text.count(name + ": ") for name in drawn[0][1]],
}))`)) as { missing: string; again: boolean; other: boolean; rows: number[]; places: number[] };
    expect(said.missing).toMatch(/llm-foundry\.tar\.gz, rows\.jsonl.*README/);
    expect(said).toMatchObject({ again: true, other: true, rows: [1000, 1000, 1000], places: [1, 1, 1, 1] });
  }, 300_000);

  it('starts main from an archive and a model, and scores it by the same rules, with stubs of LLM Foundry that train one number', async () => {
    const [unchanged, other, failed] = (await at.python(`
import sys
sys.path.insert(0, ${JSON.stringify(STUBS)})
import json, stub_llm_foundry
print(json.dumps(stub_llm_foundry.scores(64)))`)) as [Row, Row, Row];
    expect(unchanged).toMatchObject({ score: expect.any(Number), message: { l1_distance: 0, l1_limit: 5.3 } });
    expect(Math.exp(unchanged.score as number)).toBeCloseTo(unchanged.details.solution.seconds, 2);
    invalid(other, /lie too far from the original's/);
    invalid(failed, /exit code 3/);
  });
});
