import type { EndReason } from './attemptState.ts';

/**
 * The attempt's clock: a list of events and pure functions over it. Times are milliseconds since the epoch on the
 * database's clock; durations are milliseconds. Nothing here reads a clock: `nowMs` is always passed in.
 */

export const PAUSE_REASONS = ['break', 'hibernate', 'absent', 'awaiting_staff', 'platform', 'other'] as const;
export type PauseReason = (typeof PAUSE_REASONS)[number];

/** Reasons that a participant may give; `absent` and `platform` are for the platform and staff to say. */
export const PARTICIPANT_PAUSE_REASONS = ['break', 'hibernate', 'awaiting_staff', 'other'] as const satisfies readonly PauseReason[];

/** Pauses that the participant did not choose: they use up none of the allowance and have no end of their own. */
export const UNCAPPED_PAUSE_REASONS = ['awaiting_staff', 'platform'] as const satisfies readonly PauseReason[];

/** What a study allows an attempt; frozen when its clock starts. */
export interface ClockLimits {
  limitMs: number;
  maxPauses: number;
  maxPauseMs: number;
  maxPauseTotalMs: number;
}

export type ClockEventBody =
  | { kind: 'started' }
  /** `resumeAtMs` stands with the reason `hibernate` alone: the time that was booked for coming back. */
  | { kind: 'paused'; reason: PauseReason; note?: string; resumeAtMs?: number }
  /** The person wants the machine back before the booked time. */
  | { kind: 'woken' }
  /** `reason` is set where the platform resumed by itself, or staff did. */
  | { kind: 'resumed'; reason?: string }
  /** Positive gives time back to the participant; negative takes it. */
  | { kind: 'adjusted'; creditMs: number; reason: string }
  /** `cause` is a clause without a full stop: people read it in brackets. */
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
