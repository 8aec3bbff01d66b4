import { AppError, ATTEMPT_STATES, type ClockEventBody, remainingMs } from '@plumbline/core';
import { makeAttempt, makeUser, type TestDatabase, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MoveTarget } from './attemptMoves.ts';
import { append, running } from './attempts.fixture.ts';
import { loadAttempt, markReady, moveAttempt, prepareAttempt, setProgress, startAttempt } from './attempts.ts';
import type { Database } from './client.ts';
import { openJobQueue } from './jobs.ts';
import { clearOutbox, takeOutbox } from './outbox.ts';
import { SETTINGS } from './settings.fixture.ts';

let testing: TestDatabase;
let db: Database;

beforeAll(async () => {
  testing = await testDatabase({ poolMax: 20 });
  db = testing.db;
});
afterAll(() => testing.drop());

const code = (error: unknown): string => (error instanceof AppError ? error.code : String(error));

describe('the one append function', () => {
  test('of twenty pauses at once exactly one is taken', async () => {
    const { id } = await running(db);
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => append(db, id, { kind: 'paused', reason: 'break' })));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    const refused = results.flatMap((result) => (result.status === 'rejected' ? [code(result.reason)] : []));
    expect(new Set(refused)).toEqual(new Set(['clock_not_running']));
    const view = await loadAttempt(db, id);
    expect(view).toMatchObject({ state: 'paused', deadlineAtMs: null });
    expect(view.events.map((event) => event.kind)).toEqual(['started', 'paused']);
    expect(await db.prisma.pause.count({ where: { attemptId: id } })).toBe(1);
  });

  test('pauses and resumes from many sides at once leave a gapless, legal history', async () => {
    const { id } = await running(db);
    const bodies: ClockEventBody[] = Array.from({ length: 30 }, (_, i) =>
      i % 2 === 0 ? { kind: 'paused', reason: 'platform' } : { kind: 'resumed' },
    );
    await Promise.allSettled(bodies.map((body) => append(db, id, body)));
    const { events, state } = await loadAttempt(db, id);
    expect(events.map((event) => event.n)).toEqual(events.map((_, i) => i + 1));
    for (let i = 1; i < events.length; i++) {
      expect(events[i]?.kind).toBe(i % 2 === 1 ? 'paused' : 'resumed');
      expect(events[i]?.atMs).toBeGreaterThanOrEqual(events[i - 1]?.atMs ?? 0);
    }
    expect(await db.prisma.pause.count({ where: { attemptId: id, endedAt: null } })).toBe(state === 'paused' ? 1 : 0);
  });

  test('of a submission, an expiry and a stop at once exactly one ends the attempt, and the others hear which', async () => {
    const { id } = await running(db);
    const bodies: ClockEventBody[] = [{ kind: 'submitted' }, { kind: 'expired' }, { kind: 'stopped', reason: 'x' }, { kind: 'submitted' }];
    const results = await Promise.allSettled(bodies.map((body) => append(db, id, body, { ifRemainingAtMostMs: 4_000_000 })));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    for (const result of results)
      if (result.status === 'rejected')
        expect([code(result.reason), String(result.reason)]).toEqual(['conflict', expect.stringContaining('already')]);
    const row = await db.prisma.attempt.findUniqueOrThrow({ where: { id } });
    expect(row).toMatchObject({ state: 'finalising', deadlineAt: null, endedAt: expect.any(Date), endReason: expect.any(String) });
  });

  test('a second submission is a conflict that says there was a first', async () => {
    const { id } = await running(db);
    await append(db, id, { kind: 'submitted' });
    await expect(append(db, id, { kind: 'submitted' })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('already been submitted'),
    });
  });

  test('an expiry is refused while the database says that time is left', async () => {
    const { id } = await running(db, 60_000);
    await expect(append(db, id, { kind: 'expired' })).rejects.toMatchObject({ code: 'conflict' });
    await expect(append(db, id, { kind: 'expired' }, { ifRemainingAtMostMs: 60_000 })).resolves.toMatchObject({ state: 'finalising' });
  });

  test('the deadline is kept in step with every event', async () => {
    const { id } = await running(db, 600_000, 100_000);
    const deadline = async () => (await loadAttempt(db, id)).deadlineAtMs;
    const before = (await deadline()) as number;
    await append(db, id, { kind: 'adjusted', creditMs: 30_000, reason: 'slow disk' });
    expect(await deadline()).toBe(before + 30_000);
    await append(db, id, { kind: 'outage', fromMs: before - 590_000, toMs: before - 580_000, cause: 'x' });
    expect(await deadline()).toBe(before + 40_000);
    await append(db, id, { kind: 'paused', reason: 'break' });
    expect(await deadline()).toBeNull();
    await append(db, id, { kind: 'resumed' });
    const view = await loadAttempt(db, id);
    const at = view.deadlineAtMs as number;
    expect(remainingMs(view.events, at, 600_000)).toBe(0);
    expect(remainingMs(view.events, at - 1, 600_000)).toBe(1);
  });

  test('a correction after the end changes no state', async () => {
    const { id } = await running(db, 600_000, 100_000);
    await append(db, id, { kind: 'submitted' });
    await append(db, id, { kind: 'adjusted', creditMs: 10_000, reason: 'late notice' });
    const row = await db.prisma.attempt.findUniqueOrThrow({ where: { id } });
    expect(row).toMatchObject({ state: 'finalising', clockN: 3, endReason: 'submitted', deadlineAt: null });
  });

  test('a rollback marks the scores asked for after the restored state, whatever the clock showed then, and no other', async () => {
    const { id } = await running(db, 3_600_000, 600_000);
    const startMs = (await loadAttempt(db, id)).startedAtMs as number;
    const rows = [10_000, 300_000, 500_000].map((elapsedMs, i) => ({
      attemptId: id,
      n: i + 1,
      trigger: i === 0 ? 'start' : 'participant',
      status: 'scored',
      score: 1,
      requestedAt: new Date(startMs + elapsedMs),
      elapsedMs,
    }));
    await db.prisma.score.createMany({ data: rows });
    await append(db, id, { kind: 'adjusted', creditMs: 200_000, reason: 'a slow disk' });
    const restoredAtMs = startMs + 400_000;
    await append(db, id, { kind: 'rollback', toElapsedMs: 200_000, reason: 'the machine was lost' }, { restoredAtMs });
    const scores = await db.prisma.score.findMany({ where: { attemptId: id }, orderBy: { n: 'asc' } });
    expect(scores.map((score) => score.rolledBack)).toEqual([false, false, true]);
  });

  test('each event reaches the outbox in the same order, and whoever listens hears of it', async () => {
    const heard: string[] = [];
    const unlisten = await db.listen('plumbline_attempt', (payload) => heard.push(payload));
    const { id } = await running(db);
    await append(db, id, { kind: 'paused', reason: 'other', note: 'a \u0000 and half a pair \ud800' });
    const items = await takeOutbox(db, id, 0, 10);
    expect(items.map((item) => [item.n, item.type])).toEqual([
      [1, 'clock.event'],
      [2, 'clock.event'],
    ]);
    expect(items[1]?.data).toMatchObject({ n: 2, event: { kind: 'paused', note: 'a \uFFFD and half a pair \uFFFD' } });
    await expect.poll(() => heard.filter((payload) => payload === id).length).toBeGreaterThanOrEqual(2);
    await clearOutbox(db, id, 1);
    expect((await takeOutbox(db, id, 0, 10)).map((item) => item.n)).toEqual([2]);
    await unlisten();
  });

  test('a refused event leaves nothing behind', async () => {
    const { id } = await running(db);
    await expect(append(db, id, { kind: 'resumed' })).rejects.toMatchObject({ code: 'conflict' });
    expect(await takeOutbox(db, id, 1, 10)).toEqual([]);
    expect((await loadAttempt(db, id)).events).toHaveLength(1);
  });

  test('an attempt that does not exist is not found', async () => {
    await expect(append(db, '00000000-0000-4000-8000-000000000000', { kind: 'submitted' })).rejects.toMatchObject({ code: 'not_found' });
  });

  test('a time given by the caller is held between the last event and now', async () => {
    const { id } = await running(db, 3_600_000, 60_000);
    const { events } = await loadAttempt(db, id);
    const startMs = events[0]?.atMs ?? 0;
    const early = await append(db, id, { kind: 'paused', reason: 'break' }, { atMs: startMs - 5_000 });
    expect(early.event.atMs).toBe(startMs);
    const late = await append(db, id, { kind: 'resumed' }, { atMs: startMs + 9_000_000 });
    expect(late.event.atMs).toBeLessThan(startMs + 120_000);
  });
});

describe('moves that the clock does not make', () => {
  test('every move is refused unless it is legal, and moving to where one is does nothing', async () => {
    const targets: MoveTarget[] = ['scheduled', 'provisioning', 'ready', 'completed', 'void', 'withdrawn'];
    const legal: Record<string, MoveTarget[]> = {
      scheduled: ['provisioning', 'void', 'withdrawn'],
      provisioning: ['ready', 'scheduled', 'void', 'withdrawn'],
      ready: ['scheduled', 'void', 'withdrawn'],
      running: ['void', 'withdrawn'],
      paused: ['void', 'withdrawn'],
      finalising: ['completed', 'void'],
      completed: [],
      void: [],
      withdrawn: [],
    };
    const { attempt } = await makeAttempt(db, { environmentSettings: SETTINGS });
    for (const state of ATTEMPT_STATES) {
      for (const to of targets) {
        await db.prisma.attempt.update({ where: { id: attempt.id }, data: { state } });
        const outcome = await moveAttempt(db, attempt.id, to).then(String, code);
        expect([state, to, outcome]).toEqual([state, to, state === to ? 'false' : legal[state]?.includes(to) ? 'true' : 'conflict']);
      }
    }
  });

  test('voiding a running attempt ends its clock and its pause', async () => {
    const { id } = await running(db);
    await append(db, id, { kind: 'paused', reason: 'break' });
    await moveAttempt(db, id, 'void', { progress: 'The machine failed.' });
    const row = await db.prisma.attempt.findUniqueOrThrow({ where: { id }, include: { pauses: true } });
    expect(row).toMatchObject({ state: 'void', deadlineAt: null, endedAt: expect.any(Date), progress: 'The machine failed.' });
    expect(row.pauses[0]?.endedAt).not.toBeNull();
  });

  test('a runner that says ready again changes nothing', async () => {
    const { attempt, expert } = await makeAttempt(db, { environmentSettings: SETTINGS });
    await moveAttempt(db, attempt.id, 'provisioning');
    expect(await markReady(db, attempt.id, { isolation: 'bubblewrap', freezeMethod: 'cgroup2' })).toBe(true);
    await startAttempt(db, attempt.id, expert.id);
    expect(await markReady(db, attempt.id, {})).toBe(false);
    expect(await loadAttempt(db, attempt.id)).toMatchObject({ state: 'running', isolation: 'bubblewrap', freezeMethod: 'cgroup2' });
  });

  test('preparing moves the attempt, freezes its study and queues one job, however often it is asked for', async () => {
    const boss = await openJobQueue(db);
    const { attempt, study } = await makeAttempt(db, { environmentSettings: SETTINGS });
    const results = await Promise.all(Array.from({ length: 5 }, () => prepareAttempt(db, attempt.id)));
    expect(results.map((result) => result.state)).toEqual(Array(5).fill('provisioning'));
    const jobs = await db.pool.query(`SELECT data FROM pgboss.job WHERE name = 'provision'`);
    expect(jobs.rows.filter((row) => row.data.attemptId === attempt.id)).toHaveLength(1);
    expect((await db.prisma.study.findUniqueOrThrow({ where: { id: study.id } })).frozenAt).not.toBeNull();
    await boss.stop({ graceful: false, close: false });
  });

  test('an assignment outside its window is not prepared', async () => {
    const { attempt, assignmentId } = await makeAttempt(db, { environmentSettings: SETTINGS });
    await db.prisma.assignment.update({ where: { id: assignmentId }, data: { opensAt: new Date('2999-01-01') } });
    await expect(prepareAttempt(db, attempt.id)).rejects.toMatchObject({ code: 'conflict' });
    await db.prisma.assignment.update({ where: { id: assignmentId }, data: { opensAt: null, closesAt: new Date('2001-01-01') } });
    await expect(prepareAttempt(db, attempt.id)).rejects.toMatchObject({ code: 'conflict' });
  });

  test('progress is shown as it was said while a sandbox is prepared or replaced, and not once it waits to be used', async () => {
    const { attempt, expert } = await makeAttempt(db, { environmentSettings: SETTINGS });
    await moveAttempt(db, attempt.id, 'provisioning');
    await setProgress(db, attempt.id, 'Installing packages', 0.4);
    expect(await loadAttempt(db, attempt.id)).toMatchObject({ progress: 'Installing packages', progressFraction: 0.4 });
    await moveAttempt(db, attempt.id, 'ready');
    await setProgress(db, attempt.id, 'Creating the sandbox', null);
    expect(await loadAttempt(db, attempt.id)).toMatchObject({ progress: null, progressFraction: null });
    await startAttempt(db, attempt.id, expert.id);
    await setProgress(db, attempt.id, 'Waiting for a machine: next in the queue', null);
    expect(await loadAttempt(db, attempt.id)).toMatchObject({ progress: 'Waiting for a machine: next in the queue' });
    await setProgress(db, attempt.id, null, null);
    expect(await loadAttempt(db, attempt.id)).toMatchObject({ progress: null });
  });
});

test('an attempt is read with its limits, settings and owner', async () => {
  const expert = await makeUser(db, 'expert');
  const { attempt } = await makeAttempt(db, {
    expert,
    study: { limitMs: 5_000, maxPauses: 3 },
    environmentSettings: { ...SETTINGS, scoreVisible: false },
  });
  expect(await loadAttempt(db, attempt.id)).toMatchObject({
    id: attempt.id,
    state: 'scheduled',
    ownerUserId: expert.id,
    title: 'Practice',
    limits: { limitMs: 5_000, maxPauses: 3 },
    scoreVisible: false,
    settings: { direction: 'lower' },
    events: [],
  });
});
