import { AppError } from '@plumbline/core';
import { makeAttempt, type TestDatabase, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appendClockEvent, loadAttempt, moveAttempt } from './attempts.ts';
import type { Database } from './client.ts';
import { listNotes, writeNote } from './notes.ts';
import { takeOutbox } from './outbox.ts';
import { cancelScore, finishScore, listScores, requestScore, storeScoreDetails } from './scores.ts';
import { SETTINGS } from './settings.fixture.ts';

let testing: TestDatabase;
let db: Database;

beforeAll(async () => {
  testing = await testDatabase();
  db = testing.db;
});
afterAll(() => testing.drop());

async function running(limitMs = 3_600_000): Promise<string> {
  const { attempt, expert } = await makeAttempt(db, { study: { limitMs }, environmentSettings: SETTINGS });
  await db.prisma.attempt.update({ where: { id: attempt.id }, data: { state: 'ready' } });
  await appendClockEvent(db, attempt.id, { kind: 'started' }, { by: expert.id });
  return attempt.id;
}

const code = (error: unknown): string => (error instanceof AppError ? error.code : String(error));
const scored = (scoreId: string, score: number | null, status = 'scored') => ({
  scoreId,
  status,
  score,
  message: { note: 'ok' },
  durationMs: 12.4,
});

describe('asking for a score', () => {
  test('of ten at once one is taken, and the others hear that one runs', async () => {
    const id = await running();
    const results = await Promise.all(Array.from({ length: 10 }, () => requestScore(db, id, 'participant').then(() => 'taken', code)));
    expect(results.filter((result) => result === 'taken')).toHaveLength(1);
    expect(results.filter((result) => result === 'conflict')).toHaveLength(9);
    const items = await takeOutbox(db, id, 0, 10);
    expect(items.map((item) => item.type)).toEqual(['clock.event', 'score.requested']);
  });

  test('rows are numbered from 1 and stamped with the time at the request', async () => {
    const id = await running();
    await db.pool.query(`UPDATE clock_event SET at = at - interval '100 seconds' WHERE attempt_id = $1`, [id]);
    const first = await requestScore(db, id, 'participant');
    await finishScore(db, id, scored(first.id, 1.2));
    const second = await requestScore(db, id, 'participant');
    expect([first.n, second.n]).toEqual([1, 2]);
    expect(first.elapsedMs).toBeGreaterThanOrEqual(100_000);
    expect(first.elapsedMs).toBeLessThan(120_000);
  });

  test('stops the clock at that moment, where the environment’s stands while its scorer runs', async () => {
    const id = await running();
    const row = await requestScore(db, id, 'participant', { stopsClock: true });
    const { events } = await loadAttempt(db, id);
    expect(events.at(-1)).toMatchObject({ kind: 'scoring_started', scoreId: row.id, atMs: row.requestedAt.getTime() });
    await expect(requestScore(db, id, 'participant', { stopsClock: true })).rejects.toMatchObject({ code: 'conflict' });
    expect((await loadAttempt(db, id)).events).toHaveLength(events.length);
  });

  test('is refused in a pause, at zero, and in states that do not fit its trigger', async () => {
    const paused = await running();
    await appendClockEvent(db, paused, { kind: 'paused', reason: 'break' }, { by: null });
    await expect(requestScore(db, paused, 'participant')).rejects.toMatchObject({ code: 'clock_not_running' });
    const over = await running(60_000);
    await db.pool.query(`UPDATE clock_event SET at = at - interval '61 seconds' WHERE attempt_id = $1`, [over]);
    await expect(requestScore(db, over, 'participant')).rejects.toMatchObject({ code: 'time_expired' });
    const under = await running();
    await expect(requestScore(db, under, 'final')).rejects.toMatchObject({ code: 'clock_not_running' });
    await appendClockEvent(db, under, { kind: 'submitted' }, { by: null });
    await expect(requestScore(db, under, 'participant')).rejects.toMatchObject({ code: 'conflict' });
    await expect(requestScore(db, under, 'final')).resolves.toMatchObject({ trigger: 'final' });
  });

  test('a score asked for before the end counts even when it finishes after it', async () => {
    const id = await running();
    const row = await requestScore(db, id, 'participant');
    await appendClockEvent(db, id, { kind: 'submitted' }, { by: null });
    expect(await finishScore(db, id, scored(row.id, 0.7))).toMatchObject({ status: 'scored', score: 0.7, trigger: 'participant' });
  });
});

describe('the result of a score', () => {
  test('the first stands, however often and whatever comes after it', async () => {
    const id = await running();
    const row = await requestScore(db, id, 'participant');
    await finishScore(db, id, scored(row.id, 1));
    expect(await finishScore(db, id, scored(row.id, 1))).toMatchObject({ score: 1 });
    expect(await finishScore(db, id, scored(row.id, 0.1))).toMatchObject({ score: 1, durationMs: 12 });
    expect(await cancelScore(db, id, 'too late')).toBeNull();
  });

  test('a NaN, and a "scored" without a number, are a status and no number', async () => {
    const id = await running();
    for (const result of [Number.NaN, Number.POSITIVE_INFINITY, null]) {
      const row = await requestScore(db, id, 'participant');
      expect(await finishScore(db, id, scored(row.id, result))).toMatchObject({ status: 'nan', score: null });
    }
  });

  test('what a scorer prints is stored whatever bytes it is made of', async () => {
    const id = await running();
    const row = await requestScore(db, id, 'participant');
    const nasty = 'NUL \0, half a pair \ud800, a literal \\u0000';
    await finishScore(db, id, { ...scored(row.id, 1), message: { [nasty]: nasty, number: Number.NaN } });
    await storeScoreDetails(db, id, { scoreId: row.id, details: [nasty], output: nasty, scorerHash: 'a', hashBefore: 'b', hashAfter: 'c' });
    await storeScoreDetails(db, id, { scoreId: row.id, details: null, output: 'again', scorerHash: 'x', hashBefore: 'x', hashAfter: 'x' });
    const kept = 'NUL \uFFFD, half a pair \uFFFD, a literal \\u0000';
    const [stored] = await listScores(db, id);
    expect(stored).toMatchObject({
      message: { [kept]: kept, number: null },
      details: [kept],
      output: kept,
      scorerHash: 'a',
      submissionHash: 'b',
      submissionHashAfter: 'c',
    });
  });

  test('another attempt’s score is not found', async () => {
    const row = await requestScore(db, await running(), 'participant');
    await expect(finishScore(db, await running(), scored(row.id, 1))).rejects.toMatchObject({ code: 'not_found' });
    expect(await db.prisma.score.findUniqueOrThrow({ where: { id: row.id } })).toMatchObject({ status: 'running' });
  });

  test('lets the clock go on that stood still for it, whoever closes it and whatever was interrupted, and once', async () => {
    const id = await running();
    const kinds = async () => (await loadAttempt(db, id)).events.map(({ kind }) => kind).slice(1);
    await requestScore(db, id, 'participant', { stopsClock: true });
    await cancelScore(db, id, 'Cancelled.');
    expect(await kinds()).toEqual(['scoring_started', 'scoring_ended']);
    const row = await requestScore(db, id, 'participant', { stopsClock: true });
    // As a gateway left it that died in the middle.
    await db.prisma.score.update({ where: { id: row.id }, data: { status: 'nan' } });
    await finishScore(db, id, scored(row.id, null));
    await finishScore(db, id, scored(row.id, null));
    expect((await kinds()).slice(2)).toEqual(['scoring_started', 'scoring_ended']);
    const closed = await requestScore(db, id, 'participant', { stopsClock: true });
    await moveAttempt(db, id, 'void');
    await finishScore(db, id, scored(closed.id, null));
    expect((await kinds()).slice(4)).toEqual(['scoring_started']);
  });

  test('a cancelled score stays in the log with its reason', async () => {
    const id = await running();
    await requestScore(db, id, 'participant');
    expect(await cancelScore(db, id, 'An admin paused the attempt.')).toMatchObject({
      status: 'cancelled',
      message: { error: 'An admin paused the attempt.' },
    });
  });
});

test('notes are numbered, stamped, recorded, and taken in a pause but not after the end', async () => {
  const id = await running();
  await writeNote(db, id, 'first');
  await appendClockEvent(db, id, { kind: 'paused', reason: 'break' }, { by: null });
  await Promise.all([writeNote(db, id, 'second'), writeNote(db, id, 'third')]);
  expect((await listNotes(db, id)).map((note) => note.n)).toEqual([1, 2, 3]);
  expect((await takeOutbox(db, id, 0, 10)).filter((item) => item.type === 'note.written')).toHaveLength(3);
  await appendClockEvent(db, id, { kind: 'stopped', reason: 'x' }, { by: null });
  await expect(writeNote(db, id, 'late')).rejects.toMatchObject({ code: 'clock_not_running' });
});

test('notes that only a program would write are refused: very many of them, or very much in them', async () => {
  const many = await running();
  const written = `INSERT INTO note (attempt_id, n, at, elapsed_ms, kind, text) SELECT $1, n, now(), 0, 'note', $3 FROM generate_series(1, $2) n`;
  await db.pool.query(written, [many, 4_999, 'x']);
  await writeNote(db, many, 'the last');
  await expect(writeNote(db, many, 'one more')).rejects.toMatchObject({ code: 'rate_limited' });
  const long = await running();
  await db.pool.query(written, [long, 209, 'x'.repeat(20_000)]);
  await expect(writeNote(db, long, 'x'.repeat(20_000))).rejects.toMatchObject({ code: 'rate_limited' });
  await writeNote(db, long, 'a short one');
  expect([(await listNotes(db, many)).length, (await listNotes(db, long)).length]).toEqual([5_000, 210]);
});
