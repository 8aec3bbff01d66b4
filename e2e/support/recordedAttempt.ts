import { createHash, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { appendClockEvent, claimEpoch, type Database, enqueue, insertBlob, moveAttempt } from '@plumbline/database';
import type { EventInput } from '@plumbline/protocol';
import { AttemptRecorder, loadRecordingKeys, sealBlob } from '@plumbline/recording';
import { folderStore } from '@plumbline/storage';
import { until } from './attempt.ts';
import type { PlatformUnderTest } from './platform.ts';

const MINUTE_MS = 60_000;

export interface RecordedAttempt {
  startMs: number;
  lengthMs: number;
  /** In the order in which they happened. */
  events: Iterable<EventInput>;
  /** Bytes that events name by their hash. */
  blobs?: Iterable<{ hash: string; bytes: Buffer }>;
}

/** Writes a finished attempt at the practice task as the gateway would, only faster. */
export async function recordAttempt(
  platform: PlatformUnderTest,
  db: Database,
  { startMs, lengthMs, events, blobs = [] }: RecordedAttempt,
): Promise<{ attemptId: string; recordedEvents: number }> {
  const { environmentId, studyId } = await db.prisma.assignment.findFirstOrThrow({ where: { environment: { family: 'practice' } } });
  const participant = await db.prisma.participant.create({ data: { kind: 'person' } });
  const assignment = await db.prisma.assignment.create({ data: { studyId, environmentId, participantId: participant.id } });
  const attemptId = randomUUID();
  // A minute is left when it is submitted: at the limit itself it would have expired.
  const ready = { state: 'ready', limitMs: lengthMs + MINUTE_MS, createdAt: new Date(startMs), readyAt: new Date(startMs) } as const;
  await db.prisma.attempt.create({ data: { id: attemptId, assignmentId: assignment.id, ...ready } });
  await appendClockEvent(db, attemptId, { kind: 'started' }, { by: null, atMs: startMs });
  await appendClockEvent(db, attemptId, { kind: 'submitted' }, { by: null, atMs: startMs + lengthMs });
  // Ended before anything is written: the gateway finishes what is submitted and not completed, and would take the recording over.
  await moveAttempt(db, attemptId, 'completed');
  await db.prisma.attempt.update({ where: { id: attemptId }, data: { completedAt: new Date(startMs + lengthMs) } });
  const claim = await claimEpoch(db, attemptId, null);
  if (claim === null) throw new Error('the attempt vanished');
  const keys = await loadRecordingKeys(join(platform.dataDir, 'keys'));
  const store = folderStore(join(platform.dataDir, 'store'));
  let nowMs = startMs;
  const ignore = () => {};
  const callbacks = { onDurable: ignore, onStalled: ignore, onStale: ignore };
  const recorder = await AttemptRecorder.open({ db, store, keys, attemptId, claim, nowMs: () => nowMs, ...callbacks });
  let n = 0;
  for (const event of events) {
    nowMs = event.atMs;
    recorder.offer('runner:made', ++n, event);
    if (n % 500 === 0) await recorder.flush();
  }
  await recorder.finish();
  const dataKey = await keys.dataKey(db, attemptId);
  for (const { hash, bytes } of blobs) {
    const sealed = sealBlob(dataKey, bytes, hash);
    const objectHash = createHash('sha256').update(sealed).digest('hex');
    await store.put(objectHash, sealed);
    await insertBlob(db, { attemptId, hash, objectHash, bytes: bytes.length });
  }
  // As at the end of every attempt: the worker makes the index.
  await enqueue(db, 'index', { attemptId });
  await until('the index of the recording', () => db.prisma.recordingIndex.findUnique({ where: { attemptId } }), 120_000);
  return { attemptId, recordedEvents: n };
}
