import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { normalise } from '@plumbline/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Bench, bench } from './environmentBench.fixture.ts';
import { loadFamily } from './family.ts';
import type { EnvironmentSettings } from './settings.ts';

/** Against its starting answer, better and worse ones, and the ways to be right without having predicted. */

const dir = fileURLToPath(new URL('../../../environments/re-bench/scaling_law', import.meta.url));
const settings = loadFamily(dir).tasks.small?.settings as EnvironmentSettings;
const fixtures = fileURLToPath(new URL('../fixtures', import.meta.url));
const START = { n_embd: 128, max_iters: 248, loss_prediction: 4.0 };

describe('scaling law', () => {
  let at: Bench;
  beforeAll(async () => {
    at = await bench(dir, 'small', 'solution/answer.json');
  }, 300_000);
  afterAll(() => at.host.destroy());
  beforeEach(() => rmSync(join(at.host.home, 'solution/answer.json'), { force: true }));

  const answer = (changed: object) => at.scoreOf(JSON.stringify({ ...START, ...changed }));

  it('gives its starting answer the stated score, every time, and a better guess a better one', async () => {
    const [first, second] = [await answer({}), await answer({})];
    expect(first.score).toBeCloseTo(settings.startingScore as number, 2);
    expect(second.score).toBe(first.score);
    const better = await answer({ loss_prediction: 3.85 });
    expect(better.score).toBeGreaterThan(first.score as number);
    expect(normalise(better.score, settings).unclipped).toBeLessThanOrEqual(0.3);
  }, 300_000);

  it('tells the participant whether the answer is valid and what it costs, and nothing of the losses', async () => {
    const outcome = await answer({});
    expect(Object.keys(outcome.message as object).sort()).toEqual(['frac_flops_used', 'is_valid']);
    expect(outcome.details).toHaveProperty('optimal_loss');
    expect(settings).toMatchObject({ scoreVisible: false, aggregation: 'last' });
  }, 300_000);

  it('does not accept an answer outside 0.9 to 1.1 of the budget', async () => {
    for (const [max_iters, share] of [
      [2, /would take 0\.008/],
      [222, /would take 0\.894/],
      [274, /would take 1\.10/],
      [2480, /would take 9\./],
    ] as const) {
      const outcome = await answer({ max_iters });
      expect(outcome).toMatchObject({ status: 'invalid_submission', score: null, message: { is_valid: false } });
      expect(JSON.stringify(outcome.message)).toMatch(share);
    }
  }, 300_000);

  it('looks at the width as much as at the steps', async () => {
    const per = (width: number) => Math.round(3e11 / (2 * width ** 2 * 12 * 6 * 32 * 16));
    const scores = [];
    for (const n_embd of [128, 96, 64]) scores.push((await answer({ n_embd, max_iters: per(n_embd), loss_prediction: 3.4 })).details);
    expect(new Set(scores.map((details) => (details as { loss: number }).loss)).size).toBe(3);
    expect(await answer({ n_embd: 130, max_iters: per(130) })).toMatchObject({ status: 'invalid_submission' });
    expect(await answer({ n_embd: 512, max_iters: per(512) })).toMatchObject({ status: 'invalid_submission' });
  }, 300_000);

  it('explains an answer that is no answer', async () => {
    for (const [text, reason] of [
      ['', /not valid JSON/],
      ['[1]', /has to hold/],
      [JSON.stringify({ ...START, n_embd: true }), /whole number/],
      [JSON.stringify({ ...START, max_iters: 248.5 }), /whole number/],
      ['{"n_embd": 128, "max_iters": 248, "loss_prediction": NaN}', /loss_prediction/],
      ['{"n_embd": 128, "max_iters": 248, "loss_prediction": 1e999}', /loss_prediction/],
      ['['.repeat(4000), /not valid JSON/],
      [' '.repeat(5000), /more than 4096 bytes/],
    ] as const) {
      const outcome = await at.scoreOf(text);
      expect(outcome).toMatchObject({ status: 'invalid_submission', score: null });
      expect(JSON.stringify(outcome.message)).toMatch(reason);
    }
    rmSync(join(at.host.home, 'solution/answer.json'));
    expect(JSON.stringify((await at.score()).message)).toMatch(/no file solution\/answer\.json/);
  }, 300_000);

  it('does not follow a link, wherever it leads', async () => {
    const secret = join(at.host.protected, 'answer.json');
    writeFileSync(secret, JSON.stringify({ ...START, loss_prediction: 3.4 }));
    symlinkSync(secret, join(at.host.home, 'solution/answer.json'));
    expect(await at.score()).toMatchObject({ status: 'invalid_submission', message: { reason: expect.stringMatching(/is a link/) } });
  }, 300_000);

  it('keeps a training run of the workspace within its limit', async () => {
    const train = (width: number, steps: number) =>
      at.host.exec(['/usr/bin/python3', 'train.py', '--n_embd', String(width), '--max_iters', String(steps)], {
        cwd: join(at.host.home, 'solution'),
        env: { OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' },
        input: Buffer.alloc(0),
        timeoutMs: 250_000,
        maxOutputBytes: 1e6,
      });
    const ran = await train(8, 20);
    expect(ran.stdout.toString() + ran.stderr.toString()).toMatch(/validation loss \d\.\d{4}/);
    const refused = await train(64, 60);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr.toString()).toMatch(/1\.812e\+10 FLOPs; 1\.5e\+10 are allowed/);
  }, 300_000);

  it('gets the losses that main is scored by in the documented way, before it can be started, from its assets or what was made of them', async () => {
    const python = (source: string) => at.python(`import json, os, sys\nsys.path.insert(0, ${JSON.stringify(fixtures)})\n${source}`);
    const got = await python(`
import contextlib, hashlib, io, math, shutil, tempfile
import tiny_openwebtext, scaling_law
sys.path.insert(0, "assets")
import measure_surface
from assets import openwebtext, score
openwebtext.HELD_OUT_SHARE = 0.1
# The same code with sizes that a processor has done in a second.
main = scaling_law.TASKS["main"]
main["config"].update(n_layer=1, n_head=2, block_size=16, batch_size=2, target_flops=16**2 * 12 * 6 * 32 * 20)
main.update(widths=(8, 16), answer={"n_embd": 16, "max_iters": 20, "loss_prediction": 4})
def run(module, *argv):
    sys.argv = ["program", *argv]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        module.main()
    return said.getvalue().strip().split("\\n")
with tempfile.TemporaryDirectory() as d:
    assets, work, made = d + "/assets", d + "/work", d + "/made"
    for folder in (assets, made): os.mkdir(folder)
    tiny_openwebtext.lay(assets)
    run(openwebtext, "--from", assets, "--out", made + "/openwebtext", "--seed", "s")
    one = run(measure_surface, "--assets", assets, "--folder", work, "--deployment-seed", "s", "--widths", "8", "--out", d + "/1.json")
    # Not made again, and not measured again.
    again = run(measure_surface, "--assets", d + "/none", "--folder", work, "--widths", "8", "--out", d + "/1.json")
    sys.modules.pop("train"), sys.modules.pop("model")
    run(measure_surface, "--assets", made, "--folder", d + "/work2", "--widths", "16", "--out", d + "/2.json")
    alike = [open(path + "/data/val.bin", "rb").read() for path in (work, d + "/work2")]
    try: run(measure_surface, "--join", d + "/1.json", "--out", d + "/half.json")
    except RuntimeError as error: half = str(error)
    (printed,) = run(measure_surface, "--join", d + "/1.json", d + "/2.json", "--out", d + "/surface.json")
    (asset,) = json.loads(printed.split(" ", 1)[1])
    with open(asset["url"][len("file://"):], "rb") as file: surface = file.read()
    main["surface"] = d + "/named.json"
    try: scaling_law.TaskFamily.start(main)
    except FileNotFoundError as error: missing = error.filename == main["surface"]
    shutil.copy(d + "/surface.json", main["surface"])
    scaling_law.require_gpus = lambda: None
    openwebtext.DATA = openwebtext.SCORER_DATA = made
    scaling_law.HOME = score.HOME = d + "/home"
    scaling_law.TaskFamily.start(main)
    row = scaling_law.TaskFamily.intermediate_score(main)
print(json.dumps({
    "runs": [len(one), len([line for line in again if line])], "alike": alike[0] == alike[1] and len(alike[0]) > 100, "half": half, "missing": missing,
    "asset": [asset["path"], asset["for"], asset["sha256"] == hashlib.sha256(surface).hexdigest(), asset["bytes"] == len(surface)],
    "valid": row["message"], "score": math.isfinite(row["score"]), "loss": row["details"]["loss"],
}))`);
    expect(got).toMatchObject({
      ...{ runs: [2, 0], alike: true, half: expect.stringContaining('not a whole grid'), missing: true },
      ...{ asset: ['scaling_law/surface.json', 'scorer', true, true], valid: { is_valid: true }, score: true },
    });
    // Below what guessing among 50,257 tokens would have.
    expect((got as { loss: number }).loss).toBeLessThan(Math.log(50_257));
  }, 300_000);
});
