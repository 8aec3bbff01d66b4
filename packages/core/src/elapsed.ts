import { type ClockEvent, END_KINDS } from './clock.ts';
import { clipIntervals, type Interval, unionLengthMs } from './intervals.ts';

/**
 * Elapsed and remaining time as a fold over the clock's events. Time that does not count is the union of pauses,
 * outages and stopped scoring, never their sum: a minute that is both a pause and an outage is one minute.
 */

/** When the clock started, in milliseconds since the epoch; null before that. */
export function startedAtMs(events: readonly ClockEvent[]): number | null {
  return events.find((event) => event.kind === 'started')?.atMs ?? null;
}

/** The event that ended the attempt, if one has. The first counts; nothing later can move it. */
export function endEvent(events: readonly ClockEvent[]): ClockEvent | null {
  return events.find((event) => (END_KINDS as readonly string[]).includes(event.kind)) ?? null;
}

function pauseIntervals(events: readonly ClockEvent[]): Interval[] {
  const intervals: Interval[] = [];
  let openSinceMs: number | null = null;
  for (const event of events) {
    if (event.kind === 'paused' && openSinceMs === null) openSinceMs = event.atMs;
    if (event.kind === 'resumed' && openSinceMs !== null) {
      intervals.push({ fromMs: openSinceMs, toMs: event.atMs });
      openSinceMs = null;
    }
  }
  if (openSinceMs !== null) intervals.push({ fromMs: openSinceMs, toMs: Number.POSITIVE_INFINITY });
  return intervals;
}

function scoringIntervals(events: readonly ClockEvent[]): Interval[] {
  const intervals: Interval[] = [];
  const openSinceMs = new Map<string, number>();
  for (const event of events) {
    if (event.kind === 'scoring_started' && !openSinceMs.has(event.scoreId)) openSinceMs.set(event.scoreId, event.atMs);
    if (event.kind === 'scoring_ended') {
      const fromMs = openSinceMs.get(event.scoreId);
      if (fromMs === undefined) continue;
      intervals.push({ fromMs, toMs: event.atMs });
      openSinceMs.delete(event.scoreId);
    }
  }
  for (const fromMs of openSinceMs.values()) intervals.push({ fromMs, toMs: Number.POSITIVE_INFINITY });
  return intervals;
}

function outageIntervals(events: readonly ClockEvent[]): Interval[] {
  return events.flatMap((event) => (event.kind === 'outage' ? [{ fromMs: event.fromMs, toMs: event.toMs }] : []));
}

/** Neither capped at a limit nor at zero: what credits and the limit are weighed against. */
function uncappedElapsedMs(events: readonly ClockEvent[], nowMs: number): number {
  const started = startedAtMs(events);
  if (started === null) return 0;
  const toMs = Math.min(nowMs, endEvent(events)?.atMs ?? Number.POSITIVE_INFINITY);
  // A rollback says what the time was; only what came after it is counted on top.
  const rollback = events.findLast((event) => event.kind === 'rollback');
  const fromMs = rollback?.atMs ?? started;
  const baseMs = rollback?.toElapsedMs ?? 0;
  const creditMs = events.reduce(
    (sum, event) => (event.kind === 'adjusted' && (rollback === undefined || event.n > rollback.n) ? sum + event.creditMs : sum),
    0,
  );
  if (toMs <= fromMs) return baseMs - creditMs;
  const still = [...pauseIntervals(events), ...scoringIntervals(events), ...outageIntervals(events)];
  return baseMs + (toMs - fromMs) - unionLengthMs(clipIntervals(still, { fromMs, toMs })) - creditMs;
}

/**
 * The corrected time on the clock, in milliseconds: what limits the attempt and what its scores are stamped with. Never
 * below zero, never above `limitMs` where one is given; stands still once the attempt has ended.
 */
export function elapsedMs(events: readonly ClockEvent[], nowMs: number, limitMs = Number.POSITIVE_INFINITY): number {
  return Math.min(limitMs, Math.max(0, uncappedElapsedMs(events, nowMs)));
}

/**
 * The time as it ran, in milliseconds: from the start to the end without pauses and stopped scoring, and without any
 * correction. Outages, adjustments and rollbacks are corrections, so they change `elapsedMs` alone.
 */
export function asRunElapsedMs(events: readonly ClockEvent[], nowMs: number): number {
  const fromMs = startedAtMs(events);
  if (fromMs === null) return 0;
  const toMs = Math.min(nowMs, endEvent(events)?.atMs ?? Number.POSITIVE_INFINITY);
  if (toMs <= fromMs) return 0;
  return toMs - fromMs - unionLengthMs(clipIntervals([...pauseIntervals(events), ...scoringIntervals(events)], { fromMs, toMs }));
}

/**
 * Milliseconds until the limit, never below zero. Time given back before it was used makes this more than the limit, so
 * that a display or a timer that counts down from it is right.
 */
export function remainingMs(events: readonly ClockEvent[], nowMs: number, limitMs: number): number {
  return Math.max(0, limitMs - uncappedElapsedMs(events, nowMs));
}

/** The score for which the clock stands still now, if there is one. */
export function openScoringId(events: readonly ClockEvent[]): string | null {
  const open = new Set<string>();
  for (const event of events) {
    if (event.kind === 'scoring_started') open.add(event.scoreId);
    if (event.kind === 'scoring_ended') open.delete(event.scoreId);
  }
  return [...open][0] ?? null;
}

/** Whether time counts now: started, not ended, not paused, and not stopped for a score. */
export function isClockRunning(events: readonly ClockEvent[]): boolean {
  if (startedAtMs(events) === null || endEvent(events) !== null) return false;
  const paused = events.findLast((event) => event.kind === 'paused' || event.kind === 'resumed')?.kind === 'paused';
  return !paused && openScoringId(events) === null;
}

/**
 * When the clock will reach zero if nothing else happens, in milliseconds since the epoch; null while it does not run.
 * It may lie in the past: then the limit has been reached and nobody has said so yet.
 */
export function deadlineMs(events: readonly ClockEvent[], nowMs: number, limitMs: number): number | null {
  if (!isClockRunning(events)) return null;
  return nowMs + limitMs - uncappedElapsedMs(events, nowMs);
}
