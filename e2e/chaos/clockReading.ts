import { until } from '../support/attempt.ts';
import { expect } from '../support/fixtures.ts';
import type { Session } from '../support/session.ts';
import type { Tab } from '../support/tab.ts';
import { type ClockEventRow, leftOutMs, type OutOfReach } from './givenBack.ts';

export interface ClockReading {
  elapsedMs: number;
  /** By `performance.now()`. */
  atMs: number;
  uncertainMs: number;
}

/** The clock as the gateway has it, of five answers the quickest: at what moment, known to half of the time that it took. */
export async function readClock(tab: Tab): Promise<ClockReading> {
  const readings: ClockReading[] = [];
  for (let n = 0; n < 5; n++) {
    const askedMs = performance.now();
    const { elapsedMs } = await tab.request('status', {});
    const uncertainMs = (performance.now() - askedMs) / 2;
    readings.push({ elapsedMs, atMs: askedMs + uncertainMs, uncertainMs });
  }
  return readings.sort((a, b) => a.uncertainMs - b.uncertainMs)[0] as ClockReading;
}

/**
 * Holds the clock since a reading against the wall clock: what was given back had a reason, and the rest of the wall time is the elapsed
 * time, to a second. Answers what it saw, in words.
 */
export async function checkClock(session: Session, tab: Tab, atFirst: ClockReading, reach: OutOfReach): Promise<string> {
  // The outage of the last fault is given back when the heart beats again, and the tab hears of it a moment later.
  const { clockEvents, atLast } = await until('the tab has the clock that is stored', async () => {
    const { events: stored } = await session.query<{ events: ClockEventRow[] }>('attempt.get', { attemptId: tab.attemptId });
    if (tab.clockN !== stored.length) return null;
    const read = await readClock(tab);
    // More may have been given back meanwhile.
    return tab.clockN === stored.length ? { clockEvents: stored, atLast: read } : null;
  });
  expect(reach.faults(clockEvents), JSON.stringify(clockEvents)).toEqual([]);
  const givenBackMs = leftOutMs(clockEvents);
  const wallMs = atLast.atMs - atFirst.atMs;
  const errorMs = wallMs - givenBackMs - (atLast.elapsedMs - atFirst.elapsedMs);
  const uncertainMs = atFirst.uncertainMs + atLast.uncertainMs;
  expect(Math.abs(errorMs), `${errorMs} ms, ± ${uncertainMs}: ${JSON.stringify(clockEvents)}`).toBeLessThan(1_000 + uncertainMs);
  const [wall, givenBack, error, uncertain] = [wallMs, givenBackMs, errorMs, uncertainMs].map(Math.round);
  return `wall ${wall} ms, given back or paused ${givenBack} ms, clock off by ${error} ms, ± ${uncertain} ms`;
}
