import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ClockEventBody } from '@plumbline/core';
import { appendClockEvent, claimEpoch, type Database, insertBlob, moveAttempt } from '@plumbline/database';
import type { EventInput } from '@plumbline/protocol';
import { AttemptRecorder, loadRecordingKeys, sealBlob } from '@plumbline/recording';
import { folderStore } from '@plumbline/storage';
import { AttemptHead, bytesIn, type EventLine } from './attemptFile.ts';

/** A real attempt at the practice task, made in the workspace; `saveAttempt.ts` wrote it. */
export const FINISHED_ATTEMPT_FILE = fileURLToPath(new URL('finishedAttempt.jsonl', import.meta.url));

/** How long ago the attempt is said to have ended. */
const ENDED_BEFORE_MS = 60_000;

export interface SeedFolders {
  keys: string;
  store: string;
}

/**
 * Puts a finished attempt with its recording into a study, done by a participant without an account. Clock, recording and
 * manifest are written by the functions that write every attempt's; an attempt that is there already stays.
 */
export async function ensureFinishedAttempt(db: Database, folders: SeedFolders, studyId: string, environmentId: string): Promise<void> {
  const there = await db.prisma.assignment.findFirst({ where: { studyId, participant: { userId: null } }, include: { attempt: true } });
  if (there?.attempt?.state === 'completed') return;
  const [headLine, ...lines] = readFileSync(FINISHED_ATTEMPT_FILE, 'utf8').trimEnd().split('\n') as [string, ...string[]];
  const head = AttemptHead.parse(JSON.parse(headLine));
  // A start that was killed in the middle of this leaves half an attempt, which nobody could have used.
  if (there?.attempt) await forget(db, there.attempt.id);
  const attemptId = randomUUID();
  const { rows } = await db.pool.query<{ ms: number }>('SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms');
  const startMs = Math.floor((rows[0]?.ms as number) - head.completedOffsetMs - ENDED_BEFORE_MS);
  const assignmentId = there?.id ?? (await makeAssignment(db, studyId, environmentId));
  await db.prisma.attempt.create({
    data: {
      id: attemptId,
      assignmentId,
      state: 'ready',
      limitMs: head.limitMs,
      createdAt: new Date(startMs - ENDED_BEFORE_MS),
      readyAt: new Date(startMs),
      isolation: head.isolation,
      freezeMethod: head.freezeMethod,
    },
  });
  for (const { offsetMs, body } of head.clock) {
    await appendClockEvent(db, attemptId, body as ClockEventBody, { by: null, atMs: startMs + offsetMs });
  }
  const scoreIds = await writeScores(db, attemptId, head, startMs);
  await db.prisma.note.createMany({
    data: head.notes.map(({ n, offsetMs, elapsedMs, text }) => ({ attemptId, n, at: new Date(startMs + offsetMs), elapsedMs, text })),
  });
  await record(db, folders, attemptId, head, lines, startMs, scoreIds);
  await moveAttempt(db, attemptId, 'completed');
  await db.prisma.attempt.update({ where: { id: attemptId }, data: { completedAt: new Date(startMs + head.completedOffsetMs) } });
}

async function makeAssignment(db: Database, studyId: string, environmentId: string): Promise<string> {
  const participant = await db.prisma.participant.create({ data: { kind: 'person' } });
  return (await db.prisma.assignment.create({ data: { studyId, environmentId, participantId: participant.id } })).id;
}

async function writeScores(db: Database, attemptId: string, head: AttemptHead, startMs: number): Promise<Map<number, string>> {
  const ids = new Map(head.scores.map(({ n }) => [n, randomUUID()]));
  await db.prisma.score.createMany({
    data: head.scores.map(({ ofN, offsetMs, message, details, ...row }) => ({
      ...row,
      id: ids.get(row.n) as string,
      attemptId,
      ofScoreId: ofN === null ? null : (ids.get(ofN) as string),
      requestedAt: new Date(startMs + offsetMs),
      finishedAt: new Date(startMs + offsetMs + (row.durationMs ?? 0)),
      message: message ?? undefined,
      details: details ?? undefined,
    })),
  });
  return ids;
}

async function record(
  db: Database,
  folders: SeedFolders,
  attemptId: string,
  head: AttemptHead,
  lines: readonly string[],
  startMs: number,
  scoreIds: ReadonlyMap<number, string>,
): Promise<void> {
  const store = folderStore(folders.store);
  const keys = await loadRecordingKeys(folders.keys);
  const claim = await claimEpoch(db, attemptId, null);
  if (claim === null) throw new Error('The demo attempt vanished while it was written.');
  const recorder = await AttemptRecorder.open({
    db,
    store,
    keys,
    attemptId,
    claim,
    nowMs: () => startMs + head.completedOffsetMs,
    onDurable: () => {},
    onStalled: () => {},
    onStale: () => {},
  });
  let n = 0;
  for (const line of lines) {
    const named = line.replace(/"scoreId":"score-(\d+)"/g, (_whole, number) => `"scoreId":"${scoreIds.get(Number(number))}"`);
    const [offsetMs, type, stream, data] = JSON.parse(named, bytesIn) as EventLine;
    n += 1;
    recorder.offer('runner:demo', n, { type, stream, atMs: startMs + offsetMs, data } as EventInput);
  }
  await recorder.finish();
  const dataKey = await keys.dataKey(db, attemptId);
  for (const { hash, base64 } of head.blobs) {
    const plain = Buffer.from(base64, 'base64');
    const sealed = sealBlob(dataKey, plain, hash);
    const objectHash = createHash('sha256').update(sealed).digest('hex');
    await store.put(objectHash, sealed);
    await insertBlob(db, { attemptId, hash, objectHash, bytes: plain.length });
  }
}

async function forget(db: Database, attemptId: string): Promise<void> {
  const tables = [
    'recording_tail',
    'recording_source',
    'recording_segment',
    'recording_manifest',
    'recording_blob',
    'workspace_snapshot',
    'recording_key',
    'recording_outbox',
    'clock_event',
    'pause',
    'score',
    'note',
  ];
  for (const table of tables) await db.pool.query(`DELETE FROM ${table} WHERE attempt_id = $1`, [attemptId]);
  await db.pool.query('DELETE FROM attempt WHERE id = $1', [attemptId]);
}
