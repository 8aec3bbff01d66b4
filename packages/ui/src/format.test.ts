import { describe, expect, it } from 'vitest';
import { formatBytes, formatDuration, formatMoney, formatNormalised, formatScore, formatSpan, formatTime } from './format.ts';

describe('formatting', () => {
  it('writes durations as hours, minutes and seconds, whole seconds only', () => {
    expect(formatDuration(27_730_999)).toBe('7:42:10');
    expect(formatDuration(0)).toBe('0:00:00');
    expect(formatDuration(-61_000)).toBe('−0:01:01');
    expect(formatDuration(-400)).toBe('0:00:00');
  });

  it('writes spans in words without empty parts', () => {
    expect(formatSpan(28_800_000)).toBe('8 h');
    expect(formatSpan(5_400_000)).toBe('1 h 30 min');
    expect(formatSpan(45_000)).toBe('45 s');
    expect(formatSpan(0)).toBe('0 s');
  });

  it('never writes a score that is not a number', () => {
    expect(formatScore(null)).toBe('–');
    expect(formatScore(Number.NaN)).toBe('–');
    expect(formatScore(0.56789)).toBe('0.5679');
    expect(formatScore(1234567)).toBe('1.235e+6');
  });

  it('writes normalised scores with three decimals', () => {
    expect(formatNormalised(0)).toBe('0.000');
    expect(formatNormalised(1.23456)).toBe('1.235');
    expect(formatNormalised(null)).toBe('–');
  });

  it('writes sizes, money and moments with their units', () => {
    expect(formatBytes(1536)).toBe('1.5 KiB');
    expect(formatMoney(185_000, 'USD')).toBe('$1,850');
    expect(formatTime(new Date('2026-11-23T17:05:09Z'), 'UTC')).toBe('23 Nov 2026, 17:05 UTC');
  });
});
