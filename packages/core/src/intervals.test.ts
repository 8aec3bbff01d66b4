import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clipIntervals, unionLengthMs } from './intervals.ts';

const interval = fc
  .tuple(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 60 }))
  .map(([fromMs, length]) => ({ fromMs, toMs: fromMs + length }));

test('the union of stretches counts every millisecond once, however they overlap', () => {
  fc.assert(
    fc.property(fc.array(interval, { maxLength: 12 }), (intervals) => {
      const covered = new Set<number>();
      for (const { fromMs, toMs } of intervals) for (let ms = fromMs; ms < toMs; ms++) covered.add(ms);
      expect(unionLengthMs(intervals)).toBe(covered.size);
    }),
  );
});

test('cut stretches lie within the bounds and have a length', () => {
  fc.assert(
    fc.property(fc.array(interval), interval, (intervals, bounds) => {
      for (const { fromMs, toMs } of clipIntervals(intervals, bounds)) {
        expect(fromMs).toBeGreaterThanOrEqual(bounds.fromMs);
        expect(toMs).toBeLessThanOrEqual(bounds.toMs);
        expect(toMs).toBeGreaterThan(fromMs);
      }
    }),
  );
});
