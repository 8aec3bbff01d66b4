import type { RecordedSoFar } from '@plumbline/api';
import type { EventType } from '@plumbline/protocol';
import { openRecording } from '@plumbline/recording/reader';
import { platform } from '../../platform/server/platform.ts';
import { recordingKeys } from '../../recording/server/recordingOf.ts';

/** What counts as somebody at the keys. */
const INPUT_TYPES = new Set<EventType>(['terminal.input', 'editor.changed', 'clipboard.paste']);
/** A look reads no more events than this: after a flood it starts near the end, and misses what was typed before. */
const EVENTS_PER_LOOK = 5_000;

const known = new Map<string, { seq: number; atMs: number | null }>();

/**
 * When somebody last typed, edited or pasted in an attempt, from its recording. Each look reads only what came since the last
 * one, whoever looked; the first reads what is not sealed yet.
 */
export async function lastInputAtMs({ attemptId, lastSeq, sealedSeq }: RecordedSoFar): Promise<number | null> {
  if (lastSeq === 0) return null;
  const before = known.get(attemptId) ?? { seq: sealedSeq, atMs: null };
  if (before.seq >= lastSeq) return before.atMs;
  const { db, store } = platform();
  let { atMs } = before;
  try {
    const recording = await openRecording({ db, store, keys: await recordingKeys(), attemptId });
    const fromSeq = Math.max(before.seq + 1, lastSeq - EVENTS_PER_LOOK);
    for await (const event of recording.events({ fromSeq, toSeq: lastSeq, where: ({ type }) => INPUT_TYPES.has(type) })) {
      atMs = Math.max(atMs ?? 0, event.atMs);
    }
  } catch (error) {
    // A list of attempts must not fail because one recording cannot be read; reading it says why.
    console.error(`Attempt ${attemptId}: the last input cannot be read from the recording.`, error);
    return atMs;
  }
  known.set(attemptId, { seq: lastSeq, atMs });
  return atMs;
}
