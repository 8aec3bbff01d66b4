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
