import { expect, test } from 'vitest';
import { lastWarningMs, nextWarningMs, warningsCrossed } from './warnings.ts';

const MINUTE = 60_000;

test('each warning comes once as its time is passed', () => {
  expect(warningsCrossed(61 * MINUTE, 60 * MINUTE, 480 * MINUTE)).toEqual([60 * MINUTE]);
  expect(warningsCrossed(60 * MINUTE, 59 * MINUTE, 480 * MINUTE)).toEqual([]);
  expect(warningsCrossed(20 * MINUTE, 1 * MINUTE, 480 * MINUTE)).toEqual([15 * MINUTE, 5 * MINUTE]);
});

test('an attempt no longer than a warning never gets it', () => {
  expect(warningsCrossed(60 * MINUTE, 10 * MINUTE, 60 * MINUTE)).toEqual([15 * MINUTE]);
  expect(nextWarningMs(10_000, 20_000)).toBeNull();
  expect(nextWarningMs(480 * MINUTE, 480 * MINUTE)).toBe(60 * MINUTE);
});

test('the warning that was passed last is the nearest to the end', () => {
  expect(lastWarningMs(61 * MINUTE, 480 * MINUTE)).toBeNull();
  expect(lastWarningMs(60 * MINUTE, 480 * MINUTE)).toBe(60 * MINUTE);
  expect(lastWarningMs(4 * MINUTE, 480 * MINUTE)).toBe(5 * MINUTE);
  expect(lastWarningMs(40 * MINUTE, 60 * MINUTE)).toBeNull();
});
