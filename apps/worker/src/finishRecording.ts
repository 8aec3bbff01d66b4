import { AppError } from '@plumbline/core';
import { claimEpoch, databaseNowMs } from '@plumbline/database';
import { AttemptRecorder, takeOutSealed } from '@plumbline/recording';
import type { Worker } from './worker.ts';

/**
 * Seals and signs, as far as it came, a recording that no gateway finishes, and takes out what its participant had sealed. Takes it
 * over from whoever writes it. Doing it again changes nothing but the signature's time.
 */
export async function finishRecording({ db, store, keys, clock, log }: Worker, attemptId: string): Promise<void> {
  const claim = await claimEpoch(db, attemptId, null);
  if (claim === null) throw new AppError('not_found', 'There is no such attempt.');
  const serverAheadMs = (await databaseNowMs(db.pool)) - clock.monoMs();
  const recorder = await AttemptRecorder.open({
    db,
    store,
    keys,
    attemptId,
    claim,
    nowMs: () => clock.monoMs() + serverAheadMs,
    onDurable: () => {},
    onStalled: () => {},
    onStale: () => {},
    onError: (error) => log.warn({ attempt: attemptId, error: String(error) }, 'a recording that is finished could not be written yet'),
  });
  await recorder.finish();
  await takeOutSealed({ db, store, keys, attemptId });
}
