import { AppError, type ErrorCode, openHibernation, pauseEndsAtMs } from '@plumbline/core';
import { appendClockEvent, databaseNowMs, listAttempts, listReadyTooLong, listUnservedDeadlines, moveAttempt } from '@plumbline/database';
import { retireRunner } from './runners.ts';
import type { Worker } from './worker.ts';

/** The gateway serves deadlines; this long after one, it is taken for granted that it did not. */
const DEADLINE_GRACE_MS = 5_000;

/** A gateway renews the mark of a runner's link each second; one this old says that no runner is attached. */
const LINK_ALIVE_MS = 5_000;

/** A sandbox that is ready and not started for this long gives its machine back. */
const READY_LIMIT_MS = 30 * 60_000;

/** Somebody else was faster, or the sandbox is out of reach and its time is due back first: nothing to do, now at least. */
const NOTHING_TO_DO: readonly ErrorCode[] = ['conflict', 'clock_not_running', 'sandbox_unavailable'];

async function unlessTooLate(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof AppError) || !NOTHING_TO_DO.includes(error.code)) throw error;
  }
}

/** Ends attempts whose time ran out and whose gateway did not say so. */
export async function serveDeadlines(worker: Worker): Promise<void> {
  for (const id of await listUnservedDeadlines(worker.db, DEADLINE_GRACE_MS)) {
    await unlessTooLate(async () => {
      await appendClockEvent(worker.db, id, { kind: 'expired' }, { by: null });
      worker.log.warn({ attempt: id }, 'a deadline that the gateway did not serve');
    });
  }
}

/** Resumes attempts whose pause has reached its cap. */
export async function endPauses(worker: Worker): Promise<void> {
  const paused = await listAttempts(worker.db, ['paused']);
  if (paused.length === 0) return;
  const nowMs = await databaseNowMs(worker.db.pool);
  for (const { id, events, limits, linkHeartbeatAtMs } of paused) {
    const endsAtMs = pauseEndsAtMs(events, limits, nowMs);
    if (endsAtMs === null || endsAtMs > nowMs) continue;
    // A hibernated attempt goes on once its machine is back: until then there is nothing to work on.
    if (openHibernation(events) !== null && nowMs - (linkHeartbeatAtMs ?? 0) > LINK_ALIVE_MS) continue;
    await unlessTooLate(async () => {
      try {
        await appendClockEvent(
          worker.db,
          id,
          { kind: 'resumed', reason: 'The pause reached the longest time that the study allows.' },
          { by: null },
        );
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'time_expired') throw error;
        await appendClockEvent(worker.db, id, { kind: 'expired' }, { by: null });
      }
    });
  }
}

/** Takes back sandboxes that nobody started. */
export async function endReady(worker: Worker): Promise<void> {
  for (const id of await listReadyTooLong(worker.db, READY_LIMIT_MS)) {
    await unlessTooLate(async () => {
      const progress = 'It was not started within 30 minutes, so its machine was given back. Prepare it again when you are ready to begin.';
      await moveAttempt(worker.db, id, 'scheduled', { from: ['ready'], progress });
      await retireRunner(worker, id);
    });
  }
}
