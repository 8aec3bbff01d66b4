import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { normalise } from '@plumbline/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Bench, bench } from './environmentBench.ts';
import { loadFamily } from './family.ts';
import type { EnvironmentSettings } from './settings.ts';

/** Against its starting answer, better and worse ones, and the ways to be right without having predicted. */

const dir = fileURLToPath(new URL('../../../environments/re-bench/scaling_law', import.meta.url));
const settings = loadFamily(dir).tasks.small?.settings as EnvironmentSettings;
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
});
