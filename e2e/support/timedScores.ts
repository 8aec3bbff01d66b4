import { cpus } from 'node:os';
import { expect } from '@playwright/test';

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Three ways to score one workspace whose score is a time: their means lie within three standard errors of their difference. */
export function expectWithinNoise(ways: Record<'person' | 'agents' | 'bare', readonly number[]>, scoreSd: number): void {
  for (const [one, other] of [
    [ways.person, ways.agents],
    [ways.person, ways.bare],
    [ways.agents, ways.bare],
  ] as const) {
    const standardError = scoreSd * Math.sqrt(1 / one.length + 1 / other.length);
    expect(Math.abs(mean(one) - mean(other)), JSON.stringify(ways)).toBeLessThan(3 * standardError);
  }
}

/**
 * Holds a starting solution's score, a logarithm of a time, to what its README has: from the mean on a machine that does nothing else to
 * that on one with a load of about ten, and three of the latter's standard deviations beyond: a shared processor has quick hours too. Only on
 * the kind of machine that was measured; what another one needs says nothing, and the run says that nothing was held.
 */
export function expectStated(score: number, quietMean: number, busy: { mean: number; sd: number }): void {
  const model = cpus()[0]?.model.trim();
  if (cpus().length !== 2 || model !== 'AMD EPYC') {
    console.log(`${score} is not held to the README's ${quietMean}, of two cores of an AMD EPYC: here are ${cpus().length} of ${model}`);
    return;
  }
  expect(score).toBeGreaterThan(quietMean - 3 * busy.sd);
  expect(score).toBeLessThan(busy.mean + 3 * busy.sd);
}
