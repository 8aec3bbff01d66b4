import { expect, test } from 'vitest';
import type { ClockEvent, ClockLimits } from './clock.ts';
import { pauseAllowance, pauseEndsAtMs } from './pauses.ts';

const LIMITS: ClockLimits = { limitMs: 1_000_000, maxPauses: 3, maxPauseMs: 100, maxPauseTotalMs: 250 };
const started: ClockEvent = { kind: 'started', n: 1, atMs: 0, by: null };

function clockOf(...steps: [number, 'break' | 'awaiting_staff' | 'platform' | 'resumed'][]): ClockEvent[] {
  return [
    started,
    ...steps.map(
      ([atMs, what], i): ClockEvent =>
        what === 'resumed' ? { kind: 'resumed', n: i + 2, atMs, by: null } : { kind: 'paused', reason: what, n: i + 2, atMs, by: null },
    ),
  ];
}

test('a pause ends by itself at its own cap, and at what is left of the total where that is less', () => {
  expect(pauseEndsAtMs(clockOf([10, 'break']), LIMITS, 20)).toBe(110);
  const third = clockOf([10, 'break'], [110, 'resumed'], [200, 'break'], [300, 'resumed'], [400, 'break']);
  expect(pauseEndsAtMs(third, LIMITS, 410)).toBe(450);
  expect(pauseAllowance(third, LIMITS, 410)).toMatchObject({ pausesUsed: 3, pausesLeft: 0, usedMs: 210, leftMs: 40 });
});

test('waiting for staff and the platform’s own pauses use up nothing and have no end of their own', () => {
  const events = clockOf([10, 'awaiting_staff'], [5_000, 'resumed'], [6_000, 'platform']);
  expect(pauseAllowance(events, LIMITS, 9_000)).toMatchObject({ pausesUsed: 0, usedMs: 0, open: { reason: 'platform', endsAtMs: null } });
});

test('a pause that the platform ended late uses up no more than its cap', () => {
  expect(pauseAllowance(clockOf([10, 'break'], [500, 'resumed']), LIMITS, 600)).toMatchObject({ usedMs: 100, leftMs: 150, open: null });
});

test('the end of the attempt ends its pause', () => {
  const events: ClockEvent[] = [...clockOf([10, 'break']), { kind: 'stopped', reason: 'x', n: 3, atMs: 40, by: null }];
  expect(pauseAllowance(events, LIMITS, 600)).toMatchObject({ usedMs: 30, open: null });
});
