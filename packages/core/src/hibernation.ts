import { type AttemptState, needsRunner } from './attemptState.ts';
import type { ClockEvent } from './clock.ts';
import { endEvent } from './elapsed.ts';

/**
 * A pause in which the attempt gives its machine back: processes end, the workspace is kept, and a time to come back is booked.
 * From that time on, or from an earlier one at which the person asks, it is a pause like any other.
 */

/** Putting away and bringing back take minutes; below this a plain pause is less trouble. */
export const HIBERNATE_MIN_MS = 15 * 60_000;
/** A long weekend. */
export const HIBERNATE_MAX_MS = 96 * 3_600_000;
/** The machine is asked for so long before the booked time, so that it is there when the person is. */
export const WAKE_LEAD_MS = 10 * 60_000;

export interface Hibernation {
  sinceMs: number;
  /** From then on it counts as pause: the booked time, or when the person asked. */
  wakesAtMs: number;
  /** From then on the attempt needs a machine. */
  machineFromMs: number;
}

/** The hibernation that is open, asleep or not; null in any other pause, and outside pauses. */
export function openHibernation(events: readonly ClockEvent[]): Hibernation | null {
  if (endEvent(events) !== null) return null;
  let open: Hibernation | null = null;
  for (const event of events) {
    if (event.kind === 'paused') {
      const bookedMs = event.reason === 'hibernate' ? event.resumeAtMs : undefined;
      open = bookedMs === undefined ? null : { sinceMs: event.atMs, wakesAtMs: bookedMs, machineFromMs: bookedMs - WAKE_LEAD_MS };
    }
    if (event.kind === 'woken' && open !== null) {
      open = { ...open, wakesAtMs: Math.min(open.wakesAtMs, event.atMs), machineFromMs: Math.min(open.machineFromMs, event.atMs) };
    }
    if (event.kind === 'resumed') open = null;
  }
  return open;
}

/** Whether the attempt has given its machine back and does not want one yet. */
export function isHibernating(events: readonly ClockEvent[], nowMs: number): boolean {
  const open = openHibernation(events);
  return open !== null && nowMs < open.machineFromMs;
}

/** Why a snapshot leaves out what its name says is made by a program: environments, packages, caches. */
const EXCLUDED_BY_NAME = 'excluded by name';

/** Whether something of the participant's own is in no copy: the attempt goes to another machine only once its participant says so. */
export function isTiedToHost(leftOut: readonly { reason: string }[]): boolean {
  return leftOut.some(({ reason }) => reason !== EXCLUDED_BY_NAME);
}

/** Whether a runner should exist for an attempt now. */
export function needsRunnerNow({ state, events }: { state: AttemptState; events: readonly ClockEvent[] }, nowMs: number): boolean {
  return needsRunner(state) && !(state === 'paused' && isHibernating(events, nowMs));
}
