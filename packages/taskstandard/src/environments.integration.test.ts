import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bench, bench } from './environmentBench.fixture.ts';
import { environmentCheck } from './environmentCheck.ts';
import { environmentScore } from './environmentScore.ts';

/** The practice environment, which is the first that anybody scores. */

const practice = fileURLToPath(new URL('../../../environments/practice', import.meta.url));

describe('practice', () => {
  let at: Bench;
  beforeAll(async () => {
    at = await bench(practice, 'main', 'solution/textstats.py');
  });
  afterAll(() => at.host.destroy());

  it('passes every check of an environment', async () => {
    const lines = await environmentCheck(practice);
    expect(lines.filter((line) => line.status !== 'ok')).toEqual([]);
  });

  it('scores the same workspace alike, again and again and by the bare command', async () => {
    const [first, second] = [await at.score(), await at.score()];
    const bare = await environmentScore(practice, 'main', { workspace: at.host.home });
    expect([first.score, second.score, bare.outcome.score]).toEqual([0.575, 0.575, 0.575]);
  });

  it('gives more for one more right fact, and a reason instead of a score for what cannot run', async () => {
    const start = readFileSync(join(practice, 'assets/workspace/solution/textstats.py'), 'utf8');
    const better = await at.scoreOf(start.replace('text.split()', 'text.lower().split()'));
    expect(better.score).toBeGreaterThan(0.575);
    expect(await at.scoreOf('def describe(:')).toMatchObject({ status: 'invalid_submission', score: null });
    expect(await at.scoreOf('import os; os._exit(0)')).toMatchObject({ status: 'invalid_submission', score: null });
    expect(await at.scoreOf('def describe(text):\n    return None\n')).toMatchObject({ status: 'scored', score: 0 });
  });
});
