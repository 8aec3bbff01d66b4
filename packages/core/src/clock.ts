import type { EndReason } from './attemptState.ts';

/**
 * The attempt's clock: a list of events and pure functions over it. Times are milliseconds since the epoch on the
 * database's clock; durations are milliseconds. Nothing here reads a clock: `nowMs` is always passed in.
 */

export const PAUSE_REASONS = ['break', 'absent', 'awaiting_staff', 'platform', 'other'] as const;
export type PauseReason = (typeof PAUSE_REASONS)[number];

export type ClockEventBody =
  | { kind: 'started' }
  | { kind: 'paused'; reason: PauseReason; note?: string }
  | { kind: 'resumed' }
  /** Positive gives time back to the participant; negative takes it. */
  | { kind: 'adjusted'; creditMs: number; reason: string }
  | { kind: 'outage'; fromMs: number; toMs: number; cause: string }
  | { kind: 'rollback'; toElapsedMs: number; reason: string }
  /** Only for environments whose clock stops while the scorer runs. */
  | { kind: 'scoring_started'; scoreId: string }
  | { kind: 'scoring_ended'; scoreId: string }
  | { kind: 'submitted' }
  | { kind: 'expired' }
  | { kind: 'stopped'; reason: string };

export type ClockEventKind = ClockEventBody['kind'];

/** An event as stored: gapless `n` per attempt from 1, the database's time, and who caused it (`null`: the platform). */
export type ClockEvent = ClockEventBody & { n: number; atMs: number; by: string | null };

export const END_KINDS = ['submitted', 'expired', 'stopped'] as const satisfies readonly ClockEventKind[];

/** The end reason that an ending clock event stands for. */
export const END_REASON_OF: Record<(typeof END_KINDS)[number], EndReason> = {
  submitted: 'submitted',
  expired: 'expired',
  stopped: 'stopped_by_admin',
};
