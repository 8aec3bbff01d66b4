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

/** The log as it is stored, and the clock by that log: what follows a fault is given back when the heart beats again, and the tab hears of it later. */
async function readSettledClock(session: Session, tab: Tab): Promise<{ clockEvents: ClockEventRow[]; reading: ClockReading }> {
  return until('the tab has the clock that is stored', async () => {
    const { events: clockEvents } = await session.query<{ events: ClockEventRow[] }>('attempt.get', { attemptId: tab.attemptId });
    if (tab.clockN !== clockEvents.length) return null;
    const reading = await readClock(tab);
    // More may have been given back meanwhile.
    return tab.clockN === clockEvents.length ? { clockEvents, reading } : null;
  });
}

/**
 * Holds a paused clock against its log: it stands at the moment of the pause, less what has been given back of the time before it. The
 * pages' absence before a pause is found to be over within it, so the clock may go back in a pause; it never goes on.
 */
export async function checkPausedClock(session: Session, tab: Tab, atPauseMs: number, why: string): Promise<void> {
  const { clockEvents, reading } = await readSettledClock(session, tab);
  const startedMs = clockEvents.find(({ kind }) => kind === 'started')?.atMs as number;
  const pausedMs = clockEvents.findLast(({ kind }) => kind === 'paused')?.atMs as number;
  const byLogMs = pausedMs - startedMs - leftOutMs(clockEvents, pausedMs);
  const seen = `${why}: ${reading.elapsedMs} ms, ${atPauseMs} at its begin: ${JSON.stringify(clockEvents)}`;
  expect(Math.abs(reading.elapsedMs - byLogMs), seen).toBeLessThan(1);
  expect(reading.elapsedMs - atPauseMs, seen).toBeLessThan(1_000);
}

/**
 * Holds the clock since a reading against the wall clock: what was given back had a reason, and the rest of the wall time is the elapsed
 * time, to a second. Answers what it saw, in words.
 */
export async function checkClock(session: Session, tab: Tab, atFirst: ClockReading, reach: OutOfReach): Promise<string> {
  const { clockEvents, reading: atLast } = await readSettledClock(session, tab);
  expect(reach.faults(clockEvents), `what the clock gave back: ${JSON.stringify(clockEvents)}`).toEqual([]);
  const givenBackMs = leftOutMs(clockEvents);
  const wallMs = atLast.atMs - atFirst.atMs;
  const errorMs = wallMs - givenBackMs - (atLast.elapsedMs - atFirst.elapsedMs);
  const uncertainMs = atFirst.uncertainMs + atLast.uncertainMs;
  expect(Math.abs(errorMs), `${errorMs} ms, ± ${uncertainMs}: ${JSON.stringify(clockEvents)}`).toBeLessThan(1_000 + uncertainMs);
  const [wall, givenBack, error, uncertain] = [wallMs, givenBackMs, errorMs, uncertainMs].map(Math.round);
  return `wall ${wall} ms, given back or paused ${givenBack} ms, clock off by ${error} ms, ± ${uncertain} ms`;
}
