import type { Actor } from '@plumbline/core';
import type { Database } from '@plumbline/database/client';

/** How far the recording of an attempt has come. */
export interface RecordedSoFar {
  attemptId: string;
  lastSeq: number;
  sealedSeq: number;
}

/** What every procedure works with. Nothing is read from the process: the app that serves the procedures passes it in. */
export interface ApiContext {
  /** Who asks, loaded from the database for this request; null for nobody. */
  actor: Actor | null;
  /** The sign-in that this request belongs to: a ticket is bound to it. */
  sessionId: string | null;
  db: Database;
  clock: { nowMs(): number };
  /** How long a workspace is kept after the review of its attempt. */
  workspaceRetentionMs: number;
  /**
   * Has the gateway pause an attempt in the name of the member of staff for whom the ticket was minted. Settles once the sandbox stands
   * still and the pause is written.
   *
   * @throws AppError that says why it is not paused.
   */
  pauseLive(order: { ticket: string; reason: string }): Promise<void>;
  /** When the participant of a running attempt last typed, edited or pasted, in milliseconds; null where that is not known. */
  lastInputAtMs(attempt: RecordedSoFar): Promise<number | null>;
}
