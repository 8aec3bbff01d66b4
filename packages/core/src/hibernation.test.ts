import { expect, test } from 'vitest';
import type { ClockEvent, ClockEventBody, ClockLimits } from './clock.ts';
import { elapsedMs } from './elapsed.ts';
import { HIBERNATE_MIN_MS, isHibernating, needsRunnerNow, openHibernation, WAKE_LEAD_MS } from './hibernation.ts';
import { pauseAllowance } from './pauses.ts';

const HOUR_MS = 3_600_000;
const LIMITS: ClockLimits = { limitMs: 8 * HOUR_MS, maxPauses: 3, maxPauseMs: 1.5 * HOUR_MS, maxPauseTotalMs: 2 * HOUR_MS };

function clockOf(...steps: [number, ClockEventBody][]): ClockEvent[] {
  return steps.map(([atMs, body], index) => ({ ...body, n: index + 1, atMs, by: null }) as ClockEvent);
}

const night = (...more: [number, ClockEventBody][]) =>
  clockOf([0, { kind: 'started' }], [HOUR_MS, { kind: 'paused', reason: 'hibernate', resumeAtMs: 10 * HOUR_MS }], ...more);

test('no runner is needed until shortly before the booked time, and one is from then on', () => {
  const paused = { state: 'paused' as const, events: night() };
  expect(needsRunnerNow(paused, HOUR_MS)).toBe(false);
  expect(needsRunnerNow(paused, 10 * HOUR_MS - WAKE_LEAD_MS - 1)).toBe(false);
  expect(needsRunnerNow(paused, 10 * HOUR_MS - WAKE_LEAD_MS)).toBe(true);
  expect(needsRunnerNow({ ...paused, events: night([2 * HOUR_MS, { kind: 'woken' }]) }, 2 * HOUR_MS)).toBe(true);
});

test('the end of an attempt that hibernates needs a runner: its work is to be scored', () => {
  const events = night([2 * HOUR_MS, { kind: 'stopped', reason: 'x' }]);
  expect(needsRunnerNow({ state: 'finalising', events }, 3 * HOUR_MS)).toBe(true);
  expect(openHibernation(events)).toBeNull();
});

test('a plain pause is no hibernation, nor is what came before a resume', () => {
  expect(isHibernating(clockOf([0, { kind: 'started' }], [5, { kind: 'paused', reason: 'break' }]), 6)).toBe(false);
  expect(isHibernating(night([11 * HOUR_MS, { kind: 'resumed' }], [12 * HOUR_MS, { kind: 'paused', reason: 'other' }]), 12 * HOUR_MS)).toBe(
    false,
  );
});

test('pause time is used from the booked time on, and the platform resumes at the cap after it', () => {
  expect(pauseAllowance(night(), LIMITS, 9 * HOUR_MS)).toMatchObject({ pausesUsed: 1, usedMs: 0, open: { endsAtMs: 11.5 * HOUR_MS } });
  expect(pauseAllowance(night(), LIMITS, 11 * HOUR_MS)).toMatchObject({ usedMs: HOUR_MS });
  expect(pauseAllowance(night(), LIMITS, 99 * HOUR_MS)).toMatchObject({ usedMs: 1.5 * HOUR_MS });
});

test('who asks for the machine earlier uses pause time from then on', () => {
  const woken = night([4 * HOUR_MS, { kind: 'woken' }]);
  expect(pauseAllowance(woken, LIMITS, 4.5 * HOUR_MS)).toMatchObject({ usedMs: 0.5 * HOUR_MS, open: { endsAtMs: 5.5 * HOUR_MS } });
  expect(elapsedMs(woken, 5 * HOUR_MS)).toBe(HOUR_MS);
  expect(HIBERNATE_MIN_MS).toBeGreaterThan(WAKE_LEAD_MS);
});
