import { AppError } from '@plumbline/core';
import { claimEpoch, noteSetupApplied, noteSnapshot, noteTerminal } from '@plumbline/database';
import { isRefusedAsData } from '@plumbline/database/serverTrouble';
import type { EventInput } from '@plumbline/protocol';
import { AttemptRecorder } from '@plumbline/recording/recorder';
import type { LiveAttempt } from './liveAttempt.ts';

/**
 * Keeps the rows that rest on an event which is about to become durable. Rejects, to be called again, where one could not be kept;
 * what can never be is given up and told to the log: everything that was recorded after it would wait for it without end.
 */
async function keepRows(attempt: LiveAttempt, event: EventInput): Promise<void> {
  try {
    await noteWorkspace(attempt, event);
    await attempt.scoring.beforeDurable([event]);
  } catch (error) {
    if (!isRefusedAsData(error)) throw error;
    attempt.gateway.log.error({ attempt: attempt.id, type: event.type, err: error }, 'a row of what is recorded was given up');
    if (event.type !== 'score.finished') return;
    // The runner has let go of it: the next one could not begin.
    const message = { error: 'The result of this score could not be stored. Score again; this row does not count.' };
    const data = { ...event.data, status: 'cancelled', score: null, message, durationMs: 0 };
    await attempt.scoring.beforeDurable([{ ...event, data }]);
  }
}

/** What a workspace that is lost is taken from, and which setup it was given. */
async function noteWorkspace({ id, gateway }: LiveAttempt, event: EventInput): Promise<void> {
  if (event.type === 'terminal.opened') await noteTerminal(gateway.db, id, event.stream);
  if (event.type === 'setup.applied') await noteSetupApplied(gateway.db, id, { ...event.data, atMs: event.atMs });
  if (event.type !== 'snapshot.taken') return;
  const { commit, bundle, base, skipped } = event.data;
  await noteSnapshot(gateway.db, id, { commit, bundle, base, atMs: event.atMs, skipped });
}

/**
 * Takes ownership of an attempt's recording: raises its epoch, which makes every write of an earlier owner fail, and opens
 * the recorder where Postgres says that it stands.
 *
 * @throws AppError `forbidden` when the token is no longer the live incarnation's.
 */
export async function openRecorder(
  attempt: LiveAttempt,
  tokenHash: string,
  runnerSource: string,
): Promise<{ recorder: AttemptRecorder; epoch: number; runnerMark: number; lastTerminal: number; recordedBytes: number }> {
  const { db, store, keys, log } = attempt.gateway;
  const claim = await claimEpoch(db, attempt.id, tokenHash);
  if (claim === null) throw new AppError('forbidden', 'This runner was replaced.');
  const recorder: AttemptRecorder = await AttemptRecorder.open({
    db,
    store,
    keys,
    attemptId: attempt.id,
    claim,
    nowMs: () => attempt.gateway.time.nowMs(),
    onDurable: (source, n) => {
      if (attempt.recorder === recorder || attempt.recorder === null) attempt.sourceDurable(source, n);
    },
    onStalled: (stalled) => attempt.setStalled(stalled),
    onStale: () => {
      if (attempt.recorder === recorder) attempt.lostOwnership();
    },
    beforeDurable: async (events) => {
      for (const event of events) await keepRows(attempt, event);
    },
    onError: (error) =>
      log.warn({ attempt: attempt.id, error: String(error) }, 'the recording could not be written; it is kept and tried again'),
  });
  const { epoch, lastTerminal, rawBytes } = claim;
  return { recorder, epoch, runnerMark: recorder.mark(runnerSource), lastTerminal, recordedBytes: rawBytes };
}
