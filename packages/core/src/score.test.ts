import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { attemptResult, cleanSummary, normalise, rowThatCounts, type ScoreSettings, scoreAsTold } from './score.ts';

const LOWER: ScoreSettings = { direction: 'lower', aggregation: 'best', startingScore: 1.56, referenceScore: 0.47 };
const HIGHER: ScoreSettings = { direction: 'higher', aggregation: 'best', startingScore: 0.2, referenceScore: 0.8 };

function row(n: number, score: number | null, more: { trigger?: string; status?: string; rolledBack?: boolean; ofScoreId?: string } = {}) {
  return { id: `s${n}`, n, trigger: 'participant', status: score === null ? 'nan' : 'scored', score, ...more };
}

describe('the row that counts', () => {
  test('is the lowest where lower is better, the highest where higher is', () => {
    const rows = [row(1, 1.5), row(2, 0.9), row(3, 1.1)];
    expect(rowThatCounts(rows, LOWER)?.n).toBe(2);
    expect(rowThatCounts(rows, HIGHER)?.n).toBe(1);
  });

  test('is the last valid one where the environment says last', () => {
    expect(rowThatCounts([row(1, 0.5), row(2, 0.9), row(3, null)], { ...LOWER, aggregation: 'last' })?.n).toBe(2);
  });

  test('is never the starting solution, a clean re-score or a rolled-back one, and may be the final one', () => {
    const rows = [
      row(1, 0.1, { trigger: 'start' }),
      row(2, 0.2, { trigger: 'clean' }),
      row(3, 0.3, { rolledBack: true }),
      row(4, 0.9, { trigger: 'final' }),
      row(5, 1.2),
    ];
    expect(rowThatCounts(rows, LOWER)?.n).toBe(4);
  });

  test('does not exist where every score is NaN, and that is worth 0, not a raw score of 0', () => {
    const result = attemptResult([row(1, null), row(2, null, { status: 'crashed' })], LOWER);
    expect(result.counts).toBeNull();
    expect(result.result).toEqual({ raw: null, unclipped: null, value: 0 });
  });

  test('is the earliest of equal ones', () => {
    expect(rowThatCounts([row(2, 0.5), row(1, 0.5)], LOWER)?.n).toBe(1);
  });

  test('does not depend on the order of the rows', () => {
    const scores = fc.array(fc.option(fc.double({ noNaN: true, min: -9, max: 9 }), { nil: null }), { maxLength: 9 });
    fc.assert(
      fc.property(scores, fc.constantFrom(LOWER, HIGHER, { ...LOWER, aggregation: 'last' as const }), (values, settings) => {
        const rows = values.map((value, index) => row(index + 1, value));
        expect(rowThatCounts([...rows].reverse(), settings)).toEqual(rowThatCounts(rows, settings));
      }),
    );
  });
});

describe('normalised scores', () => {
  test('the starting solution is 0 and the reference 1, in both directions', () => {
    for (const settings of [LOWER, HIGHER]) {
      expect(normalise(settings.startingScore, settings).value).toBeCloseTo(0);
      expect(normalise(settings.referenceScore, settings).value).toBeCloseTo(1);
    }
  });

  test('worse than the start is reported as 0 and kept as it is beside it', () => {
    expect(normalise(2, LOWER).value).toBe(0);
    expect(normalise(2, LOWER).unclipped).toBeLessThan(0);
    expect(normalise(2, LOWER).raw).toBe(2);
  });

  test('better than the reference is more than 1', () => {
    expect(normalise(0.1, LOWER).value).toBeGreaterThan(1);
  });

  test('an environment without two different published scores has no scale', () => {
    expect(normalise(1, { startingScore: 1, referenceScore: 1 })).toEqual({ raw: 1, unclipped: null, value: null });
    expect(normalise(null, { startingScore: 1, referenceScore: null })).toEqual({ raw: null, unclipped: null, value: null });
  });
});

describe('a score as it is told', () => {
  const settings = { startingScore: 10, referenceScore: 0 };

  test('has its number where that may be seen', () => {
    expect(scoreAsTold(row(1, 5), settings, true)).toEqual({ status: 'scored', score: 5, normalised: 0.5, eligible: true });
    expect(scoreAsTold(row(1, null), settings, true)).toEqual({ status: 'nan', score: null, normalised: null, eligible: false });
  });

  test('is the same with a number and without one where that is hidden', () => {
    const hidden = { status: 'scored', score: null, normalised: null, eligible: true };
    expect(scoreAsTold(row(1, 5), settings, false)).toEqual(hidden);
    expect(scoreAsTold(row(1, null), settings, false)).toEqual(hidden);
    expect(scoreAsTold(row(1, null, { trigger: 'start' }), settings, false)).toEqual({ ...hidden, eligible: false });
  });

  test('says of a hidden one too that its scorer failed, or still runs', () => {
    for (const status of ['running', 'crashed', 'timed_out'])
      expect(scoreAsTold(row(1, null, { status }), settings, false)).toMatchObject({ status, eligible: false });
  });
});

describe('clean re-scores', () => {
  test('their mean is the number that counts, and the logged score stands beside it', () => {
    const clean = (n: number, score: number) => row(n, score, { trigger: 'clean', ofScoreId: 's2' });
    const result = attemptResult(
      [row(1, 1.5), row(2, 0.9), clean(3, 0.91), clean(4, 0.89), clean(5, 0.9), row(6, 5, { trigger: 'clean', ofScoreId: 's1' })],
      LOWER,
    );
    expect(result.result.raw).toBeCloseTo(0.9);
    expect(result.logged.raw).toBe(0.9);
    expect(result.clean).toMatchObject({ finished: 3, valid: 3, disagrees: false });
    expect(result.clean?.sd).toBeCloseTo(0.01);
  });

  test('a mean far from the log disagrees, noise does not', () => {
    const rows = (...scores: (number | null)[]) => scores.map((score, i) => row(i + 1, score));
    expect(cleanSummary(0.5, rows(1.0, 1.01, 0.99), LOWER).disagrees).toBe(true);
    expect(cleanSummary(0.5, rows(0.4, 0.55, 0.6), LOWER).disagrees).toBe(false);
    expect(cleanSummary(0.5, rows(0.501), LOWER).disagrees).toBe(false);
  });

  test('one that gives no number disagrees', () => {
    expect(cleanSummary(0.5, [row(1, 0.5), row(2, null)], LOWER)).toMatchObject({ finished: 2, valid: 1, disagrees: true });
  });

  test('without a valid one the logged score stands, flagged', () => {
    const result = attemptResult([row(1, 0.9), row(2, null, { trigger: 'clean', ofScoreId: 's1' })], LOWER);
    expect(result.result.raw).toBe(0.9);
    expect(result.clean).toMatchObject({ valid: 0, mean: null, disagrees: true });
  });

  test('those that were never taken say nothing', () => {
    const none = row(2, null, { trigger: 'clean', status: 'cancelled', ofScoreId: 's1' });
    expect(attemptResult([row(1, 0.9), none], LOWER)).toMatchObject({ clean: null, result: { raw: 0.9 } });
  });
});
