/**
 * Writes a completed attempt of this installation as the demo scenario's finished one:
 * `node prisma/seed/saveAttempt.ts ATTEMPT`, with the settings that `npm start` had. Anyone can read what it holds.
 */
import { writeFileSync } from 'node:fs';
import { loadSettings } from '@plumbline/config';
import { createDatabase, listNotes, listScores, loadAttempt } from '@plumbline/database';
import { findStoredBlob, loadRecordingKeys } from '@plumbline/recording';
import { openRecording } from '@plumbline/recording/reader';
import { folderStore } from '@plumbline/storage';
import { type AttemptHead, bytesOut, type EventLine } from './attemptFile.ts';
import { FINISHED_ATTEMPT_FILE } from './finishedAttempt.ts';

const attemptId = process.argv[2];
if (attemptId === undefined) throw new Error('Which attempt? node prisma/seed/saveAttempt.ts ATTEMPT');
const settings = loadSettings();
const db = createDatabase(settings.databaseUrl, { poolMax: 2 });
const store = folderStore(settings.dirs.store);
const keys = await loadRecordingKeys(settings.dirs.keys);
const attempt = await loadAttempt(db, attemptId);
const { startedAtMs, completedAtMs } = attempt;
if (startedAtMs === null || completedAtMs === null) throw new Error(`The attempt is ${attempt.state}; only a completed one can be saved.`);

const events: EventLine[] = [];
const blobs = new Map<string, string>();
const dataKey = await keys.dataKey(db, attemptId);
for await (const event of (await openRecording({ db, store, keys, attemptId })).events()) {
  // The clock's events are made anew from the head; connections belong to the platform that this ran on.
  if (event.type === 'clock.event' || event.type.startsWith('connection.') || event.type === 'resource.sample') continue;
  events.push([event.atMs - startedAtMs, event.type, event.stream, event.data]);
  const hash = event.type === 'snapshot.taken' ? event.data.bundle : event.type === 'submission.captured' ? event.data.hash : undefined;
  const blob = hash === undefined ? null : await findStoredBlob({ db, store, attemptId, dataKey }, hash);
  if (hash === undefined || blob === null) continue;
  const pieces: Buffer[] = [];
  for await (const piece of blob.content()) pieces.push(piece);
  blobs.set(hash, Buffer.concat(pieces).toString('base64'));
}
const scores = await listScores(db, attemptId);
const head: AttemptHead = {
  family: attempt.environment.family,
  task: attempt.environment.task,
  limitMs: attempt.limits.limitMs,
  isolation: attempt.isolation,
  freezeMethod: attempt.freezeMethod,
  completedOffsetMs: completedAtMs - startedAtMs,
  clock: attempt.events.map(({ n: _n, atMs, by: _by, ...body }) => ({ offsetMs: atMs - startedAtMs, body })),
  scores: scores.map((row) => ({
    n: row.n,
    ofN: scores.find((other) => other.id === row.ofScoreId)?.n ?? null,
    trigger: row.trigger,
    status: row.status,
    score: row.score,
    offsetMs: row.requestedAt.getTime() - startedAtMs,
    elapsedMs: row.elapsedMs,
    durationMs: row.durationMs,
    message: row.message,
    details: row.details,
    output: row.output,
    scorerHash: row.scorerHash,
    submissionHash: row.submissionHash,
    submissionHashAfter: row.submissionHashAfter,
  })),
  notes: (await listNotes(db, attemptId)).map(({ n, at, elapsedMs, text }) => ({
    n,
    offsetMs: at.getTime() - startedAtMs,
    elapsedMs,
    text,
  })),
  blobs: [...blobs].map(([hash, base64]) => ({ hash, base64 })),
};
await db.close();
const scoreIds = new Map(scores.map((row) => [row.id, `score-${row.n}`]));
const text = [head, ...events].map((line) => JSON.stringify(line, bytesOut)).join('\n');
// Rows get new ids in each installation; the events name a score by its number until then.
writeFileSync(
  FINISHED_ATTEMPT_FILE,
  `${text.replace(/"scoreId":"([^"]+)"/g, (whole, id) => (scoreIds.has(id) ? `"scoreId":"${scoreIds.get(id)}"` : whole))}\n`,
);
console.log(`${events.length} events, ${head.scores.length} scores, ${head.blobs.length} blobs.`);
