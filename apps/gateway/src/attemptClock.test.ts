import type { ClockEvent } from '@plumbline/core';
import type { GatewayToBrowser } from '@plumbline/protocol';
import { afterEach, expect, it } from 'vitest';
import { AttemptClock } from './attemptClock.ts';
import type { LiveAttempt } from './liveAttempt.ts';

const MINUTE_MS = 60_000;
const LIMIT_MS = 480 * MINUTE_MS;

let clock: AttemptClock;
afterEach(() => clock.stop());

/** The clock of an attempt with so much time left, and what its browsers are told. */
function withRemaining(remainingMs: number) {
  const events = [{ n: 1, kind: 'started', atMs: Date.now() - (LIMIT_MS - remainingMs), by: null }] as unknown as ClockEvent[];
  const told: Extract<GatewayToBrowser, { t: 'clock' }>[] = [];
  const limits = { limitMs: LIMIT_MS, maxPauses: 12, maxPauseMs: 90 * MINUTE_MS, maxPauseTotalMs: 360 * MINUTE_MS };
  clock = new AttemptClock({
    view: { state: 'running', events, limits },
    gateway: { time: { nowMs: () => Date.now() } },
    runner: null,
    browsers: { broadcast: (message: (typeof told)[number]) => told.push(message) },
  } as unknown as LiveAttempt);
  clock.publish();
  return { events, told };
}

it('warns once, in milliseconds, as the time of a warning is passed', async () => {
  const { told } = withRemaining(15 * MINUTE_MS + 1_000);
  expect(told.at(-1)?.warningMs).toBeUndefined();
  await expect.poll(() => told.at(-1)?.warningMs, { interval: 5 }).toBe(15 * MINUTE_MS);
  expect(told.at(-1)?.clock.remainingMs).toBeLessThanOrEqual(15 * MINUTE_MS);
  clock.publish();
  expect(told.at(-1)?.warningMs).toBeUndefined();
});

it('warns at once, of the nearest to the end, where a correction takes the time', () => {
  const { events, told } = withRemaining(61 * MINUTE_MS);
  events.push({ n: 2, kind: 'adjusted', creditMs: -47 * MINUTE_MS, reason: 'x', atMs: Date.now(), by: null } as unknown as ClockEvent);
  clock.publish();
  expect(told.at(-1)?.warningMs).toBe(15 * MINUTE_MS);
});
