import { AppError } from '@plumbline/core';
import { appendByStaff, loadAttempt, startAttempt } from '@plumbline/database/attempts';
import { listAudit } from '@plumbline/database/audit';
import { createSession } from '@plumbline/database/sessions';
import { redeemTicket } from '@plumbline/database/tickets';
import { exampleSettings, makeAttempt, makeUser, type TestDatabase, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { callerOf } from './caller.fixture.ts';
import type { ApiContext } from './context.ts';

let database: TestDatabase;
let admin: { userId: string; sessionId: string };
beforeAll(async () => {
  database = await testDatabase();
  const { id } = await makeUser(database.db, 'admin');
  admin = { userId: id, sessionId: await createSession(database.db, id) };
});
afterAll(() => database.drop());

function caller({ userId, sessionId }: { userId: string; sessionId: string }, more: Partial<ApiContext> = {}) {
  return callerOf(database.db, { userId, role: 'admin' }, { sessionId, ...more });
}

async function running(): Promise<string> {
  const { attempt, expert } = await makeAttempt(database.db, { environmentSettings: exampleSettings() });
  await database.db.prisma.attempt.update({ where: { id: attempt.id }, data: { state: 'ready', readyAt: new Date() } });
  await startAttempt(database.db, attempt.id, expert.id);
  return attempt.id;
}

it('staff give time, take it and stop an attempt, each an event with who and why, and audited', async () => {
  const attemptId = await running();
  const { clock, attempt } = caller(admin);
  expect((await attempt.get({ attemptId })).may.clock).toEqual(['pause', 'adjust', 'stop']);
  await clock.adjust({ attemptId, minutes: 15, reason: ' A slow disk ' });
  await clock.adjust({ attemptId, minutes: -5, reason: 'Too many' });
  await clock.stop({ attemptId, reason: 'By agreement' });
  const { events, state, endReason } = await loadAttempt(database.db, attemptId);
  expect([state, endReason]).toEqual(['finalising', 'stopped_by_admin']);
  expect(events.slice(1)).toMatchObject([
    { kind: 'adjusted', creditMs: 900_000, reason: 'A slow disk', by: admin.userId },
    { kind: 'adjusted', creditMs: -300_000, reason: 'Too many', by: admin.userId },
    { kind: 'stopped', reason: 'By agreement', by: admin.userId },
  ]);
  const audited = await listAudit(database.db, { subject: `attempt:${attemptId}`, limit: 10 });
  expect(audited.map(({ act, userId }) => [act, userId])).toEqual(
    ['attempt.stop', 'attempt.adjust', 'attempt.adjust'].map((act) => [act, admin.userId]),
  );
  expect((await attempt.get({ attemptId })).may.clock).toEqual(['adjust']);
});

it('minutes taken in a pause beyond what is left end the attempt: nobody could resume it', async () => {
  const attemptId = await running();
  await appendByStaff(database.db, attemptId, { kind: 'paused', reason: 'platform', note: 'A disk is full' }, admin.userId);
  const { clock } = caller(admin);
  await clock.adjust({ attemptId, minutes: -5, reason: 'Too many' });
  expect((await loadAttempt(database.db, attemptId)).state).toBe('paused');
  await clock.adjust({ attemptId, minutes: -24 * 60, reason: 'By agreement' });
  const { events, state, endReason } = await loadAttempt(database.db, attemptId);
  expect([state, endReason]).toEqual(['finalising', 'expired']);
  expect(events.slice(-2)).toMatchObject([{ kind: 'adjusted' }, { kind: 'expired', by: null }]);
  const [audited] = await listAudit(database.db, { subject: `attempt:${attemptId}`, limit: 1 });
  expect(audited).toMatchObject({ act: 'attempt.adjust', after: { state: 'finalising' } });
});

it.each([
  ['no reason', { minutes: 5, reason: '  ' }],
  ['a reason too long', { minutes: 5, reason: 'x'.repeat(501) }],
  ['no minutes', { minutes: 0, reason: 'x' }],
  ['half a minute', { minutes: 0.5, reason: 'x' }],
  ['more than a day', { minutes: 24 * 60 + 1, reason: 'x' }],
])('a correction with %s is refused, and neither written nor audited', async (_what, correction) => {
  const attemptId = await running();
  await expect(caller(admin).clock.adjust({ attemptId, ...correction })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  expect((await loadAttempt(database.db, attemptId)).events).toHaveLength(1);
  expect(await listAudit(database.db, { subject: `attempt:${attemptId}`, limit: 1 })).toEqual([]);
});

it('nobody changes the clock of their own attempt as staff, an admin neither', async () => {
  const attemptId = await running();
  const own = await database.db.prisma.attempt.findUniqueOrThrow({
    where: { id: attemptId },
    include: { assignment: { include: { participant: true } } },
  });
  const userId = own.assignment.participant.userId ?? '';
  const { clock, attempt } = caller({ userId, sessionId: await createSession(database.db, userId) });
  for (const act of [
    () => clock.adjust({ attemptId, minutes: 5, reason: 'For me' }),
    () => clock.stop({ attemptId, reason: 'For me' }),
    () => clock.pause({ attemptId, reason: 'For me' }),
    () => clock.resume({ attemptId, reason: 'For me' }),
  ])
    await expect(act()).rejects.toMatchObject({ code: 'FORBIDDEN' });
  expect((await attempt.get({ attemptId })).may.clock).toEqual([]);
});

it('a pause is asked of the gateway with a ticket for that pause in the name of who asks, and its refusal is theirs', async () => {
  const attemptId = await running();
  const ordered: { ticket: string; reason: string }[] = [];
  await caller(admin, { pauseLive: async (order) => void ordered.push(order) }).clock.pause({ attemptId, reason: 'A disk is full' });
  expect(ordered).toMatchObject([{ reason: 'A disk is full' }]);
  const redeemed = await redeemTicket(database.db, ordered[0]?.ticket ?? '');
  expect(redeemed).toMatchObject({ attemptId, purpose: 'pause', actor: { userId: admin.userId } });
  const pauseLive = async () => {
    throw new AppError('sandbox_unavailable', 'The sandbox is not connected right now.');
  };
  const refused = caller(admin, { pauseLive });
  await expect(refused.clock.pause({ attemptId, reason: 'x' })).rejects.toMatchObject({
    message: 'The sandbox is not connected right now.',
  });
});
