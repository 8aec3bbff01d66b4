import { AppError, assertCan, stateToReaders } from '@plumbline/core';
import { type AttemptView, loadAttempt } from '@plumbline/database/attempts';
import { loadRecordingKeys, type RecordingKeys } from '@plumbline/recording/keys';
import { openRecording, type Recording } from '@plumbline/recording/reader';
import { SegmentCache } from '@plumbline/recording/segmentCache';
import { z } from 'zod';
import { platform } from '../../platform/server/platform.ts';
import { currentActor } from '../../session/server/currentActor.ts';

/** A reviewer's jumps and what is played after them read the same segments, each about a mebibyte. */
const segments = new SegmentCache(64 * 1024 * 1024);

let keys: Promise<RecordingKeys> | undefined;

/** The deployment's keys, read once; where that failed, again at the next call. */
export function recordingKeys(): Promise<RecordingKeys> {
  keys ??= loadRecordingKeys(platform().settings.dirs.keys);
  keys.catch(() => {
    keys = undefined;
  });
  return keys;
}

/**
 * An attempt and its recording, for somebody who may replay it: staff, so that nothing in it is withheld.
 *
 * @throws AppError `unauthenticated`, `forbidden`, `not_found`.
 */
export async function recordingOf(attemptId: string): Promise<{ attempt: AttemptView; recording: Recording }> {
  const actor = await currentActor();
  if (actor === null) throw new AppError('unauthenticated', 'You are not signed in, or your sign-in has ended. Sign in again.');
  if (!z.uuid().safeParse(attemptId).success) throw new AppError('not_found', 'There is no such attempt.');
  const { db, store } = platform();
  const attempt = await loadAttempt(db, attemptId);
  const state = stateToReaders(attempt.state, attempt.completedAtMs !== null);
  assertCan(actor, 'attempt.replay', { ownerUserId: attempt.ownerUserId, state });
  return { attempt, recording: await openRecording({ db, store, keys: await recordingKeys(), attemptId, cache: segments }) };
}
