import { AppError, openStaffPause, type PauseReason } from '@plumbline/core';
import { type Appended, appendByStaff, appendClockEvent, databaseNowMs } from '@plumbline/database';
import type { AttemptStatus } from '@plumbline/protocol';
import type { LiveAttempt } from './liveAttempt.ts';
import type { RunnerConnection } from './runnerConnection.ts';

/** Freezing takes milliseconds; a pause that cannot be confirmed within this is refused rather than half done. */
const FREEZE_TIMEOUT_MS = 5_000;

/** The last snapshot and its upload; a pause that is refused after this leaves the attempt as it was. */
const PUT_AWAY_TIMEOUT_MS = 60_000;
/** So long the journal may take to become durable after that. */
const DURABLE_TIMEOUT_MS = 15_000;
const POLL_MS = 50;

/** Who pauses: the participant, or the platform with `by` null; or a member of staff, whose note is the reason that the participant reads. */
export type PauseOrder =
  | { reason: PauseReason; note?: string; resumeAtMs?: number; by: string | null; staff?: undefined }
  | { staff: string; note: string };

/**
 * Pauses an attempt: waits for a running score, which staff cancel, freezes the sandbox, and only then commits, so that no process of the
 * participant's computes off the clock.
 *
 * @throws AppError `clock_not_running`, or `sandbox_unavailable` where the sandbox did not confirm; the clock runs on then.
 */
export async function pauseAttempt(attempt: LiveAttempt, order: PauseOrder): Promise<AttemptStatus> {
  const { turn } = attempt.clock;
  if (order.staff !== undefined) {
    return turn.take(async () => {
      assertNotPaused(attempt, 'staff');
      // A score may take an hour, and what staff pause for may be that it does.
      await runnerOf(attempt).call('score.cancel', {}, FREEZE_TIMEOUT_MS);
      await attempt.scoring.settled();
      return freezeAndCommit(attempt, order);
    });
  }
  for (;;) {
    assertNotPaused(attempt, 'participant');
    // Nobody else waits for it meanwhile: staff may cancel it, and pause first.
    await attempt.scoring.settled();
    const paused = await turn.take(async () => {
      assertNotPaused(attempt, 'participant');
      return (await attempt.scoring.isRunning()) ? null : freezeAndCommit(attempt, order);
    });
    if (paused !== null) return paused;
  }
}

/** @throws AppError `clock_not_running` that tells who comes second who was first. */
function assertNotPaused(attempt: LiveAttempt, asks: 'participant' | 'staff'): void {
  const { state, events, ownerUserId } = attempt.view;
  if (state !== 'paused') return assertRunning(attempt);
  if (openStaffPause(state, events, ownerUserId) !== null) {
    throw new AppError('clock_not_running', 'Staff have paused this attempt already. The clock stands still until they resume it.');
  }
  const untilWhen =
    asks === 'staff'
      ? ', and not by staff. The clock stands still until the participant resumes'
      : '. The clock stands still until you resume';
  throw new AppError('clock_not_running', `The attempt is paused already${untilWhen} it.`);
}

async function freezeAndCommit(attempt: LiveAttempt, order: PauseOrder): Promise<AttemptStatus> {
  const runner = runnerOf(attempt);
  const { db } = attempt.gateway;
  const hibernates = order.staff === undefined && order.reason === 'hibernate';
  attempt.clock.beginPause();
  try {
    await runner.call('freeze', {}, FREEZE_TIMEOUT_MS);
    // Putting away takes its time, in which nothing of the participant's runs any more: the pause began before it.
    const atMs = hibernates ? await databaseNowMs(db.pool) : undefined;
    if (hibernates) await putAway(attempt, runner);
    const { event } = await writePause(attempt, order, atMs);
    attempt.clock.pauseWritten(event.n);
  } catch (error) {
    await runner.call('thaw', {}, FREEZE_TIMEOUT_MS).catch(() => {});
    attempt.clock.pauseFailed();
    // The rules of the clock have words of their own; what fails in the sandbox says nothing of the clock.
    if (error instanceof AppError && error.code !== 'sandbox_unavailable' && error.code !== 'internal') throw error;
    const what = 'The sandbox did not confirm that it stands still, so the attempt is not paused and the clock runs on. Try again.';
    throw new AppError('sandbox_unavailable', what, { cause: error });
  }
  await attempt.refresh();
  // Its lease is being given back since the commit; the worker sees to it that the runner ends.
  if (hibernates) runner.send({ t: 'shutdown', reason: 'the attempt hibernates' });
  return attempt.clock.status();
}

function writePause({ id, gateway }: LiveAttempt, order: PauseOrder, atMs?: number): Promise<Appended> {
  if (order.staff !== undefined)
    return appendByStaff(gateway.db, id, { kind: 'paused', reason: 'platform', note: order.note }, order.staff);
  const { reason, note, resumeAtMs, by } = order;
  const body = { kind: 'paused' as const, reason, ...(note ? { note } : {}), ...(resumeAtMs === undefined ? {} : { resumeAtMs }) };
  return appendClockEvent(gateway.db, id, body, { by, ...(atMs === undefined ? {} : { atMs }) });
}

/** Waits until the sandbox runs again, as the clock that it was told says it may: what is asked of it sooner is refused. */
export async function thawed(attempt: LiveAttempt): Promise<void> {
  // One that does not answer is told of the clock again when it is back.
  await attempt.runner?.call('thaw', {}, FREEZE_TIMEOUT_MS).catch(() => {});
}

/** Everything that must outlive the runner is durable: the workspace's snapshot in the store, the journal in the recording. */
async function putAway(attempt: LiveAttempt, runner: RunnerConnection): Promise<void> {
  const { lastN } = await runner.call('hibernate', {}, PUT_AWAY_TIMEOUT_MS);
  const untilMs = performance.now() + DURABLE_TIMEOUT_MS;
  while (attempt.runnerMark < lastN) {
    if (!runner.open || performance.now() > untilMs) {
      throw new AppError('sandbox_unavailable', 'The recording was not durable in time.');
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
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
