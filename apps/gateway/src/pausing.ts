import { AppError, type PauseReason } from '@plumbline/core';
import { appendClockEvent } from '@plumbline/database';
import type { AttemptStatus } from '@plumbline/protocol';
import type { LiveAttempt } from './liveAttempt.ts';
import type { RunnerConnection } from './runnerConnection.ts';

/** Freezing takes milliseconds; a pause that cannot be confirmed within this is refused rather than half done. */
const FREEZE_TIMEOUT_MS = 5_000;

/**
 * Pauses an attempt: waits for a running score, freezes the sandbox, and only then commits, so that no process of the
 * participant's computes off the clock. `by` is null for the platform.
 *
 * @throws AppError `clock_not_running`, or `sandbox_unavailable` where the sandbox did not confirm; the clock runs on then.
 */
export async function pauseAttempt(
  attempt: LiveAttempt,
  { reason, note, by }: { reason: PauseReason; note?: string; by: string | null },
): Promise<AttemptStatus> {
  assertRunning(attempt);
  await attempt.scoring.settled();
  assertRunning(attempt);
  const runner = runnerOf(attempt);
  try {
    await runner.call('freeze', {}, FREEZE_TIMEOUT_MS);
    await appendClockEvent(attempt.gateway.db, attempt.id, { kind: 'paused', reason, ...(note ? { note } : {}) }, { by });
  } catch (error) {
    await runner.call('thaw', {}, FREEZE_TIMEOUT_MS).catch(() => {});
    if (error instanceof AppError && error.code !== 'sandbox_unavailable') throw error;
    const what = 'The sandbox did not confirm that it stands still, so the attempt is not paused and the clock runs on. Try again.';
    throw new AppError('sandbox_unavailable', what, { cause: error });
  }
  await attempt.refresh();
  return attempt.clock.status();
}

/** @throws AppError that says why what is asked needs a running clock. */
export function assertRunning(attempt: LiveAttempt, alsoPaused = false): void {
  const { state } = attempt.view;
  if (state === 'running' || (alsoPaused && state === 'paused')) return;
  if (state === 'paused') throw new AppError('clock_not_running', 'The attempt is paused. Resume it first.');
  if (state === 'finalising' || state === 'completed') {
    throw new AppError('time_expired', 'The attempt has ended. What you submitted is kept.');
  }
  throw new AppError('clock_not_running', 'The clock has not started.');
}

/** The attempt's runner. @throws AppError `sandbox_unavailable` while it is away. */
export function runnerOf(attempt: LiveAttempt): RunnerConnection {
  if (attempt.runner === null) {
    throw new AppError('sandbox_unavailable', 'The sandbox is not connected right now. Your work is kept; it comes back by itself.');
  }
  return attempt.runner;
}
