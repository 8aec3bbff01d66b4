import { isCorrectable } from './applyClockEvent.ts';
import { type AttemptState, isUnderWay } from './attemptState.ts';
import type { ClockEvent } from './clock.ts';

/** What staff do to the clock of somebody else's attempt: each a clock event with a reason, which the participant reads. */

export const STAFF_CLOCK_ACTS = ['pause', 'resume', 'adjust', 'stop'] as const;
export type StaffClockAct = (typeof STAFF_CLOCK_ACTS)[number];

/** An event of the clock that staff caused, as its participant is told of it. */
export interface StaffClockEvent {
  n: number;
  kind: 'paused' | 'resumed' | 'adjusted' | 'stopped';
  reason: string;
  /** Of an adjustment, in milliseconds: positive gave time back. */
  creditMs?: number;
}

/** What an event was that somebody else than the participant caused; null for all others. `ownerUserId` is null for an agent's attempt. */
function toldOf(event: ClockEvent, ownerUserId: string | null): StaffClockEvent | null {
  if (event.by === null || event.by === ownerUserId) return null;
  const { n } = event;
  switch (event.kind) {
    case 'paused':
      return { n, kind: 'paused', reason: event.note ?? '' };
    case 'resumed':
      return { n, kind: 'resumed', reason: event.reason ?? '' };
    case 'adjusted':
      return { n, kind: 'adjusted', reason: event.reason, creditMs: event.creditMs };
    case 'stopped':
      return { n, kind: 'stopped', reason: event.reason };
    default:
      return null;
  }
}

/** The newest act of staff on an attempt's clock; null where there was none. */
export function lastStaffEvent(events: readonly ClockEvent[], ownerUserId: string | null): StaffClockEvent | null {
  return events.reduce<StaffClockEvent | null>((last, event) => toldOf(event, ownerUserId) ?? last, null);
}

/** The open pause where it is one that staff made: they end it, and nobody else. Null in any other, and outside pauses. */
export function openStaffPause(state: AttemptState, events: readonly ClockEvent[], ownerUserId: string | null): StaffClockEvent | null {
  const opened = state === 'paused' ? events.findLast(({ kind }) => kind === 'paused') : undefined;
  return opened === undefined ? null : toldOf(opened, ownerUserId);
}

/**
 * The acts that an attempt's clock takes from staff now. A pause of the participant's own is theirs to end: it was promised that nothing
 * but their click resumes it.
 */
export function staffClockActs(state: AttemptState, events: readonly ClockEvent[], ownerUserId: string | null): StaffClockAct[] {
  return [
    ...(state === 'running' ? (['pause'] as const) : []),
    ...(openStaffPause(state, events, ownerUserId) !== null ? (['resume'] as const) : []),
    ...(isCorrectable(state) ? (['adjust'] as const) : []),
    ...(isUnderWay(state) ? (['stop'] as const) : []),
  ];
}
