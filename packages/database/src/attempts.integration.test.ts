import { AppError, ATTEMPT_STATES, type ClockEventBody, remainingMs } from '@plumbline/core';
import { makeAttempt, makeUser, type TestDatabase, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { MoveTarget } from './attemptMoves.ts';
import { appendClockEvent, loadAttempt, markReady, moveAttempt, prepareAttempt, setProgress, startAttempt } from './attempts.ts';
import type { Database } from './client.ts';
import { type AppendOptions, noteOutage, renewLinkHeartbeats } from './clockEvents.ts';
import { openJobQueue } from './jobs.ts';
import { clearOutbox, takeOutbox } from './outbox.ts';
import { notePagesReached, notePagesUnreached } from './publicAddress.ts';
import { SETTINGS } from './settings.fixture.ts';

let testing: TestDatabase;
let db: Database;

beforeAll(async () => {
  testing = await testDatabase({ poolMax: 20 });
  db = testing.db;
});
afterAll(() => testing.drop());

/** A running attempt with this limit, begun `agoMs` ago. */
async function running(limitMs = 3_600_000, agoMs = 0, study: object = {}): Promise<{ id: string; userId: string }> {
  const { attempt, expert } = await makeAttempt(db, { study: { limitMs, ...study }, environmentSettings: SETTINGS });
  await db.prisma.attempt.update({ where: { id: attempt.id }, data: { state: 'ready' } });
  await startAttempt(db, attempt.id, expert.id);
  if (agoMs > 0) {
    await db.pool.query(`UPDATE clock_event SET at = at - $2 * interval '1 millisecond' WHERE attempt_id = $1`, [attempt.id, agoMs]);
    await db.pool.query(
      `UPDATE attempt SET started_at = started_at - $2 * interval '1 millisecond', deadline_at = deadline_at - $2 * interval '1 millisecond', link_heartbeat_at = clock_timestamp() WHERE id = $1`,
      [attempt.id, agoMs],
    );
  }
  return { id: attempt.id, userId: expert.id };
}

const code = (error: unknown): string => (error instanceof AppError ? error.code : String(error));
const append = (id: string, body: ClockEventBody, more: Omit<AppendOptions, 'by'> = {}) =>
  appendClockEvent(db, id, body, { by: null, ...more });

const setHeartbeat = (id: string, agoMs: number) =>
  db.pool.query(`UPDATE attempt SET link_heartbeat_at = clock_timestamp() - $2 * interval '1 millisecond' WHERE id = $1`, [id, agoMs]);

const PAGES = 'https://plumbline.example.org';
/** The pages were last reached so long ago, and not since. */
async function pagesAway(agoMs: number): Promise<void> {
  await notePagesReached(db, PAGES);
  await notePagesUnreached(db, PAGES);
  // From this moment on, and not from the two before: a busy machine takes its time over each.
  await db.pool.query(`UPDATE public_address SET reached_at = clock_timestamp() - $1 * interval '1 millisecond'`, [agoMs]);
}

describe('pages that cannot be reached at their public address', () => {
  const outagesOf = async (id: string) => (await loadAttempt(db, id)).events.filter((event) => event.kind === 'outage');
  beforeEach(async () => {
    await db.pool.query('DELETE FROM public_address');
    await db.pool.query(`UPDATE attempt SET state = 'void'`);
  });
  afterAll(() => db.pool.query('DELETE FROM public_address'));

  test('give their time back to every attempt under way when they are reached again, once, and to no other', async () => {
    const { id } = await running(3_600_000, 60_000);
    const young = await running(3_600_000, 10_000);
    const over = await running(3_600_000, 60_000);
    await append(over.id, { kind: 'stopped', reason: 'long before' });
    await db.pool.query(`UPDATE attempt SET ended_at = ended_at - interval '1 minute' WHERE id = $1`, [over.id]);
    await pagesAway(20_000);
    expect((await notePagesReached(db, PAGES)).sort()).toEqual([id, young.id].sort());
    const lengths = (await Promise.all([id, young.id].map(outagesOf))).map(([event]) => {
      const { fromMs, toMs } = event as { fromMs: number; toMs: number };
      return Math.round((toMs - fromMs) / 10_000);
    });
    // From the start at the earliest.
    expect(lengths).toEqual([2, 1]);
    expect(await notePagesReached(db, PAGES)).toEqual([]);
    expect(await outagesOf(over.id)).toEqual([]);
  });

  test('give nothing back that did not count, or was given back already', async () => {
    const paused = await running(3_600_000, 60_000);
    await append(paused.id, { kind: 'paused', reason: 'break' });
    await db.pool.query(`UPDATE clock_event SET at = at - interval '30 seconds' WHERE attempt_id = $1 AND kind = 'paused'`, [paused.id]);
    const given = await running(3_600_000, 60_000);
    await setHeartbeat(given.id, 19_000);
    await noteOutage(db, given.id);
    await pagesAway(20_000);
    expect(await notePagesReached(db, PAGES)).toEqual([]);
  });

  test('say nothing before they were reached once at that address, nor where they were away for less than five seconds', async () => {
    await running(3_600_000, 60_000);
    await notePagesUnreached(db, PAGES);
    expect(await notePagesReached(db, PAGES)).toEqual([]);
    await pagesAway(4_000);
    expect(await notePagesReached(db, PAGES)).toEqual([]);
    await pagesAway(20_000);
    await notePagesUnreached(db, 'https://elsewhere.example.org');
    expect(await notePagesReached(db, PAGES)).toEqual([]);
  });

  test('let no attempt run out of the time that is due back', async () => {
    const { id } = await running(60_000, 70_000);
    await pagesAway(30_000);
    await expect(append(id, { kind: 'expired' })).rejects.toMatchObject({ code: 'sandbox_unavailable' });
    expect(await notePagesReached(db, PAGES)).toEqual([id]);
    await expect(append(id, { kind: 'expired' })).rejects.toMatchObject({ code: 'conflict' });
    const over = await running(60_000, 70_000);
    await pagesAway(7_000);
    await expect(append(over.id, { kind: 'expired' })).resolves.toMatchObject({ state: 'finalising' });
  });

  test('hold no attempt’s end up for ever', async () => {
    const { id } = await running(60_000, 70_000);
    await pagesAway(25 * 3_600_000);
    await expect(append(id, { kind: 'expired' })).resolves.toMatchObject({ state: 'finalising' });
  });
});

describe('the one append function', () => {
  test('of twenty pauses at once exactly one is taken', async () => {
    const { id } = await running();
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => append(id, { kind: 'paused', reason: 'break' })));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    const refused = results.flatMap((result) => (result.status === 'rejected' ? [code(result.reason)] : []));
    expect(new Set(refused)).toEqual(new Set(['clock_not_running']));
    const view = await loadAttempt(db, id);
    expect(view).toMatchObject({ state: 'paused', deadlineAtMs: null });
    expect(view.events.map((event) => event.kind)).toEqual(['started', 'paused']);
    expect(await db.prisma.pause.count({ where: { attemptId: id } })).toBe(1);
  });

  test('pauses and resumes from many sides at once leave a gapless, legal history', async () => {
    const { id } = await running();
    const bodies: ClockEventBody[] = Array.from({ length: 30 }, (_, i) =>
      i % 2 === 0 ? { kind: 'paused', reason: 'platform' } : { kind: 'resumed' },
    );
    await Promise.allSettled(bodies.map((body) => append(id, body)));
    const { events, state } = await loadAttempt(db, id);
    expect(events.map((event) => event.n)).toEqual(events.map((_, i) => i + 1));
    for (let i = 1; i < events.length; i++) {
      expect(events[i]?.kind).toBe(i % 2 === 1 ? 'paused' : 'resumed');
      expect(events[i]?.atMs).toBeGreaterThanOrEqual(events[i - 1]?.atMs ?? 0);
    }
    expect(await db.prisma.pause.count({ where: { attemptId: id, endedAt: null } })).toBe(state === 'paused' ? 1 : 0);
  });

  test('of a submission, an expiry and a stop at once exactly one ends the attempt, and the others hear which', async () => {
    const { id } = await running();
    const bodies: ClockEventBody[] = [{ kind: 'submitted' }, { kind: 'expired' }, { kind: 'stopped', reason: 'x' }, { kind: 'submitted' }];
    const results = await Promise.allSettled(bodies.map((body) => append(id, body, { ifRemainingAtMostMs: 4_000_000 })));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    for (const result of results)
      if (result.status === 'rejected')
        expect([code(result.reason), String(result.reason)]).toEqual(['conflict', expect.stringContaining('already')]);
    const row = await db.prisma.attempt.findUniqueOrThrow({ where: { id } });
    expect(row).toMatchObject({ state: 'finalising', deadlineAt: null, endedAt: expect.any(Date), endReason: expect.any(String) });
  });

  test('a second submission is a conflict that says there was a first', async () => {
    const { id } = await running();
    await append(id, { kind: 'submitted' });
    await expect(append(id, { kind: 'submitted' })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('already been submitted'),
    });
  });

  test('an expiry is refused while the database says that time is left', async () => {
    const { id } = await running(60_000);
    await expect(append(id, { kind: 'expired' })).rejects.toMatchObject({ code: 'conflict' });
    await expect(append(id, { kind: 'expired' }, { ifRemainingAtMostMs: 60_000 })).resolves.toMatchObject({ state: 'finalising' });
  });

  test('the deadline is kept in step with every event', async () => {
    const { id } = await running(600_000, 100_000);
    const deadline = async () => (await loadAttempt(db, id)).deadlineAtMs;
    const before = (await deadline()) as number;
    await append(id, { kind: 'adjusted', creditMs: 30_000, reason: 'slow disk' });
    expect(await deadline()).toBe(before + 30_000);
    await append(id, { kind: 'outage', fromMs: before - 590_000, toMs: before - 580_000, cause: 'x' });
    expect(await deadline()).toBe(before + 40_000);
    await append(id, { kind: 'paused', reason: 'break' });
    expect(await deadline()).toBeNull();
    await append(id, { kind: 'resumed' });
    const view = await loadAttempt(db, id);
    const at = view.deadlineAtMs as number;
    expect(remainingMs(view.events, at, 600_000)).toBe(0);
    expect(remainingMs(view.events, at - 1, 600_000)).toBe(1);
  });

  test('a correction after the end changes no state', async () => {
    const { id } = await running(600_000, 100_000);
    await append(id, { kind: 'submitted' });
    await append(id, { kind: 'adjusted', creditMs: 10_000, reason: 'late notice' });
    const row = await db.prisma.attempt.findUniqueOrThrow({ where: { id } });
    expect(row).toMatchObject({ state: 'finalising', clockN: 3, endReason: 'submitted', deadlineAt: null });
  });

  test('a rollback marks the scores asked for after the restored state, whatever the clock showed then, and no other', async () => {
    const { id } = await running(3_600_000, 600_000);
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
    await append(id, { kind: 'adjusted', creditMs: 200_000, reason: 'a slow disk' });
    const restoredAtMs = startMs + 400_000;
    await append(id, { kind: 'rollback', toElapsedMs: 200_000, reason: 'the machine was lost' }, { restoredAtMs });
    const scores = await db.prisma.score.findMany({ where: { attemptId: id }, orderBy: { n: 'asc' } });
    expect(scores.map((score) => score.rolledBack)).toEqual([false, false, true]);
  });

  test('each event reaches the outbox in the same order, and whoever listens hears of it', async () => {
    const heard: string[] = [];
    const unlisten = await db.listen('plumbline_attempt', (payload) => heard.push(payload));
    const { id } = await running();
    await append(id, { kind: 'paused', reason: 'other', note: 'a \u0000 and half a pair \ud800' });
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
    const { id } = await running();
    await expect(append(id, { kind: 'resumed' })).rejects.toMatchObject({ code: 'conflict' });
    expect(await takeOutbox(db, id, 1, 10)).toEqual([]);
    expect((await loadAttempt(db, id)).events).toHaveLength(1);
  });

  test('an attempt that does not exist is not found', async () => {
    await expect(append('00000000-0000-4000-8000-000000000000', { kind: 'submitted' })).rejects.toMatchObject({ code: 'not_found' });
  });

  test('a time given by the caller is held between the last event and now', async () => {
    const { id } = await running(3_600_000, 60_000);
    const { events } = await loadAttempt(db, id);
    const startMs = events[0]?.atMs ?? 0;
    const early = await append(id, { kind: 'paused', reason: 'break' }, { atMs: startMs - 5_000 });
    expect(early.event.atMs).toBe(startMs);
    const late = await append(id, { kind: 'resumed' }, { atMs: startMs + 9_000_000 });
    expect(late.event.atMs).toBeLessThan(startMs + 120_000);
  });
});

describe('the link to the sandbox', () => {
  test('a gap of five seconds or more is given back from the last heartbeat on', async () => {
    const { id } = await running(3_600_000, 60_000);
    await setHeartbeat(id, 20_000);
    const noted = await noteOutage(db, id);
    expect(noted?.event).toMatchObject({ kind: 'outage' });
    const event = noted?.event as { fromMs: number; toMs: number };
    expect(event.toMs - event.fromMs).toBeGreaterThanOrEqual(20_000);
    expect(event.toMs - event.fromMs).toBeLessThan(25_000);
    expect(await noteOutage(db, id)).toBeNull();
  });

  test('shorter gaps add up and are given back from five seconds on', async () => {
    const { id } = await running(3_600_000, 60_000);
    for (let i = 0; i < 2; i++) {
      await setHeartbeat(id, 1_000);
      expect(await noteOutage(db, id)).toBeNull();
    }
    await setHeartbeat(id, 3_100);
    const noted = await noteOutage(db, id);
    expect(noted?.event).toMatchObject({ kind: 'adjusted' });
    expect((noted as unknown as { event: { creditMs: number } }).event.creditMs).toBeGreaterThanOrEqual(5_100);
    expect((await db.prisma.attempt.findUniqueOrThrow({ where: { id } })).linkGapMs).toBe(0);
  });

  test('an attempt whose sandbox is out of reach does not run out of time, until the outage has been given back', async () => {
    const { id } = await running(60_000, 70_000);
    await setHeartbeat(id, 30_000);
    await expect(append(id, { kind: 'expired' })).rejects.toMatchObject({ code: 'sandbox_unavailable' });
    await noteOutage(db, id);
    await expect(append(id, { kind: 'expired' })).rejects.toMatchObject({ code: 'conflict' });
    const over = await running(60_000, 70_000);
    await setHeartbeat(over.id, 7_000);
    await expect(append(over.id, { kind: 'expired' })).resolves.toMatchObject({ state: 'finalising' });
  });

  test('stopping an attempt whose sandbox is out of reach gives the outage back first', async () => {
    const { id } = await running(3_600_000, 60_000);
    await setHeartbeat(id, 20_000);
    const { events, state } = await append(id, { kind: 'stopped', reason: 'the machine is gone' });
    expect(events.map((event) => event.kind)).toEqual(['started', 'outage', 'stopped']);
    expect(state).toBe('finalising');
  });

  test('the time before the start is never an outage, however long the sandbox stood ready', async () => {
    const { attempt, expert } = await makeAttempt(db, { environmentSettings: SETTINGS });
    await db.prisma.attempt.update({
      where: { id: attempt.id },
      data: { state: 'ready', linkHeartbeatAt: new Date(Date.now() - 600_000) },
    });
    await startAttempt(db, attempt.id, expert.id);
    await renewLinkHeartbeats(db, [attempt.id]);
    expect((await loadAttempt(db, attempt.id)).events.map((event) => event.kind)).toEqual(['started']);
  });

  test('a paused attempt needs nothing given back', async () => {
    const { id } = await running(3_600_000, 60_000);
    await append(id, { kind: 'paused', reason: 'break' });
    await setHeartbeat(id, 20_000);
    expect(await noteOutage(db, id)).toBeNull();
  });

  test('heartbeats that could not be written for five seconds are an outage for each attempt held', async () => {
    const first = await running(3_600_000, 60_000);
    const second = await running(3_600_000, 60_000);
    await setHeartbeat(first.id, 8_000);
    await setHeartbeat(second.id, 1_000);
    await renewLinkHeartbeats(db, [first.id, second.id]);
    expect((await loadAttempt(db, first.id)).events.map((event) => event.kind)).toEqual(['started', 'outage']);
    expect((await loadAttempt(db, second.id)).events.map((event) => event.kind)).toEqual(['started']);
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
    const { id } = await running();
    await append(id, { kind: 'paused', reason: 'break' });
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
