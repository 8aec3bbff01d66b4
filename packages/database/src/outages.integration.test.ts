import type { ClockEventBody } from '@plumbline/core';
import { makeAttempt, type TestDatabase, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { append, running } from './attempts.fixture.ts';
import { loadAttempt, moveAttempt, startAttempt } from './attempts.ts';
import type { Database } from './client.ts';
import { noteOutage, renewLinkHeartbeats } from './clockEvents.ts';
import { notePagesReached, notePagesUnreached } from './publicAddress.ts';
import { SETTINGS } from './settings.fixture.ts';

/** Time in which the platform did not serve an attempt, and which is given back. */

let testing: TestDatabase;
let db: Database;

beforeAll(async () => {
  testing = await testDatabase();
  db = testing.db;
});
afterAll(() => testing.drop());

const setHeartbeat = (id: string, agoMs: number) =>
  db.pool.query(`UPDATE attempt SET link_heartbeat_at = clock_timestamp() - $2 * interval '1 millisecond' WHERE id = $1`, [id, agoMs]);

describe('the link to the sandbox', () => {
  test('a gap of five seconds or more is given back from the last heartbeat on', async () => {
    const { id } = await running(db, 3_600_000, 60_000);
    await setHeartbeat(id, 20_000);
    const noted = await noteOutage(db, id);
    expect(noted?.event).toMatchObject({ kind: 'outage', cause: 'the platform lost the link to the sandbox' });
    const event = noted?.event as { fromMs: number; toMs: number };
    expect(event.toMs - event.fromMs).toBeGreaterThanOrEqual(20_000);
    expect(event.toMs - event.fromMs).toBeLessThan(25_000);
    expect(await noteOutage(db, id)).toBeNull();
  });

  test('shorter gaps add up and are given back from five seconds on', async () => {
    const { id } = await running(db, 3_600_000, 60_000);
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
    const { id } = await running(db, 60_000, 70_000);
    await setHeartbeat(id, 30_000);
    await expect(append(db, id, { kind: 'expired' })).rejects.toMatchObject({ code: 'sandbox_unavailable' });
    await noteOutage(db, id);
    await expect(append(db, id, { kind: 'expired' })).rejects.toMatchObject({ code: 'conflict' });
    const over = await running(db, 60_000, 70_000);
    await setHeartbeat(over.id, 7_000);
    await expect(append(db, over.id, { kind: 'expired' })).resolves.toMatchObject({ state: 'finalising' });
  });

  test.each<ClockEventBody>([{ kind: 'stopped', reason: 'the machine is gone' }, { kind: 'submitted' }])(
    'an end of an attempt whose sandbox is out of reach gives the outage back first: $kind',
    async (end) => {
      const { id } = await running(db, 3_600_000, 60_000);
      await setHeartbeat(id, 20_000);
      const { events, state } = await append(db, id, end);
      expect(events.map((event) => event.kind)).toEqual(['started', 'outage', end.kind]);
      expect(state).toBe('finalising');
    },
  );

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
    const { id } = await running(db, 3_600_000, 60_000);
    await append(db, id, { kind: 'paused', reason: 'break' });
    await setHeartbeat(id, 20_000);
    expect(await noteOutage(db, id)).toBeNull();
  });

  test('heartbeats that could not be written for five seconds are an outage for each attempt held', async () => {
    const first = await running(db, 3_600_000, 60_000);
    const second = await running(db, 3_600_000, 60_000);
    await setHeartbeat(first.id, 8_000);
    await setHeartbeat(second.id, 1_000);
    await renewLinkHeartbeats(db, [first.id, second.id]);
    expect((await loadAttempt(db, first.id)).events.map((event) => event.kind)).toEqual(['started', 'outage']);
    expect((await loadAttempt(db, second.id)).events.map((event) => event.kind)).toEqual(['started']);
  });
});

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
    const { id } = await running(db, 3_600_000, 60_000);
    const young = await running(db, 3_600_000, 10_000);
    const over = await running(db, 3_600_000, 60_000);
    await append(db, over.id, { kind: 'stopped', reason: 'long before' });
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

  test('give their time back to an attempt that ended in it, however far its end has come by then', async () => {
    const ended = [await running(db, 3_600_000, 60_000), await running(db, 3_600_000, 60_000)];
    for (const { id } of ended) await append(db, id, { kind: 'submitted' });
    await moveAttempt(db, ended[1]?.id as string, 'completed');
    await pagesAway(20_000);
    expect((await notePagesReached(db, PAGES)).sort()).toEqual(ended.map(({ id }) => id).sort());
    for (const { id } of ended) expect(await outagesOf(id)).toHaveLength(1);
  });

  test('give nothing back that did not count, or was given back already', async () => {
    const paused = await running(db, 3_600_000, 60_000);
    await append(db, paused.id, { kind: 'paused', reason: 'break' });
    await db.pool.query(`UPDATE clock_event SET at = at - interval '30 seconds' WHERE attempt_id = $1 AND kind = 'paused'`, [paused.id]);
    const given = await running(db, 3_600_000, 60_000);
    await setHeartbeat(given.id, 19_000);
    await noteOutage(db, given.id);
    await pagesAway(20_000);
    expect(await notePagesReached(db, PAGES)).toEqual([]);
  });

  test('say nothing before they were reached once at that address, nor where they were away for less than five seconds', async () => {
    await running(db, 3_600_000, 60_000);
    await notePagesUnreached(db, PAGES);
    expect(await notePagesReached(db, PAGES)).toEqual([]);
    await pagesAway(4_000);
    expect(await notePagesReached(db, PAGES)).toEqual([]);
    await pagesAway(20_000);
    await notePagesUnreached(db, 'https://elsewhere.example.org');
    expect(await notePagesReached(db, PAGES)).toEqual([]);
  });

  test('let no attempt run out of the time that is due back', async () => {
    const { id } = await running(db, 60_000, 70_000);
    await pagesAway(30_000);
    await expect(append(db, id, { kind: 'expired' })).rejects.toMatchObject({ code: 'sandbox_unavailable' });
    expect(await notePagesReached(db, PAGES)).toEqual([id]);
    await expect(append(db, id, { kind: 'expired' })).rejects.toMatchObject({ code: 'conflict' });
    const over = await running(db, 60_000, 70_000);
    await pagesAway(7_000);
    await expect(append(db, over.id, { kind: 'expired' })).resolves.toMatchObject({ state: 'finalising' });
  });

  test('hold no attempt’s end up for ever', async () => {
    const { id } = await running(db, 60_000, 70_000);
    await pagesAway(25 * 3_600_000);
    await expect(append(db, id, { kind: 'expired' })).resolves.toMatchObject({ state: 'finalising' });
  });
});
