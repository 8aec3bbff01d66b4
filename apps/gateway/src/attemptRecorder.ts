import { AppError } from '@plumbline/core';
import { claimEpoch, noteSetupApplied, noteSnapshot, noteTerminal } from '@plumbline/database';
import type { EventInput } from '@plumbline/protocol';
import { AttemptRecorder } from '@plumbline/recording/recorder';
import type { LiveAttempt } from './liveAttempt.ts';

/** What a workspace that is lost is taken from, and which setup it was given. */
async function noteWorkspace({ id, gateway }: LiveAttempt, events: readonly EventInput[]): Promise<void> {
  for (const event of events) {
    if (event.type === 'terminal.opened') await noteTerminal(gateway.db, id, event.stream);
    if (event.type === 'setup.applied') await noteSetupApplied(gateway.db, id, { ...event.data, atMs: event.atMs });
    if (event.type !== 'snapshot.taken') continue;
    const { commit, bundle, skipped } = event.data;
    await noteSnapshot(gateway.db, id, { commit, bundle, atMs: event.atMs, skipped });
  }
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
      await noteWorkspace(attempt, events);
      await attempt.scoring.beforeDurable(events);
    },
    onError: (error) =>
      log.warn({ attempt: attempt.id, error: String(error) }, 'the recording could not be written; it is kept and tried again'),
  });
  const { epoch, lastTerminal, rawBytes } = claim;
  return { recorder, epoch, runnerMark: recorder.mark(runnerSource), lastTerminal, recordedBytes: rawBytes };
}
