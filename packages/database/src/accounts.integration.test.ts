import { randomUUID } from 'node:crypto';
import { AppError } from '@plumbline/core';
import { makeAttempt, type TestDatabase, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from './client.ts';
import { hitRateLimit } from './rateLimit.ts';
import { createSession, endSession, loadSession } from './sessions.ts';
import { SETTINGS } from './settings.fixture.ts';
import { signIn } from './signIn.ts';
import { mintTicket, redeemTicket, removeDeadTickets } from './tickets.ts';
import { createFirstAdmin, createUser, disableUser, enableUser, hasUsers, setPassword, setUserRole, verifyPassword } from './users.ts';

let testing: TestDatabase;
let db: Database;

beforeAll(async () => {
  testing = await testDatabase();
  db = testing.db;
});
afterAll(() => testing.drop());

const BY = { by: null };
const newUser = (role: 'expert' | 'admin' = 'expert') =>
  createUser(db, { email: `${randomUUID()}@example.org`, name: 'A person', role, password: 'a long password' }, BY);
const code = (error: unknown): string => (error instanceof AppError ? error.code : String(error));

test('of two first admins at once one is made, and after that nobody is', async () => {
  expect(await hasUsers(db)).toBe(false);
  const tries = ['a', 'b'].map((name) =>
    createFirstAdmin(db, { email: `${name}@example.org`, name, password: 'a long password' }).then(() => 'made', code),
  );
  expect((await Promise.all(tries)).sort()).toEqual(['conflict', 'made']);
  expect(await db.prisma.user.count()).toBe(1);
});

describe('accounts', () => {
  test('an address is one account, however it is written', async () => {
    const user = await newUser();
    const again = createUser(db, { email: ` ${user.email.toUpperCase()} `, name: 'x', role: 'expert', password: 'a long password' }, BY);
    await expect(again).rejects.toMatchObject({ code: 'conflict' });
    expect(await verifyPassword(db, user.email.toUpperCase(), 'a long password')).toMatchObject({ id: user.id });
  });

  test('passwords are kept as argon2id, and a wrong one, a strange account and a disabled one all fail alike', async () => {
    const user = await newUser();
    expect((await db.prisma.user.findUniqueOrThrow({ where: { id: user.id } })).passwordHash).toMatch(/^\$argon2id\$/);
    expect(await verifyPassword(db, user.email, 'another password')).toBeNull();
    expect(await verifyPassword(db, 'nobody@example.org', 'a long password')).toBeNull();
    await disableUser(db, user.id, BY);
    expect(await verifyPassword(db, user.email, 'a long password')).toBeNull();
    await enableUser(db, user.id, BY);
    expect(await verifyPassword(db, user.email, 'a long password')).not.toBeNull();
  });

  test('an expert is a participant, and what is done to an account is written down', async () => {
    const user = await newUser();
    expect(await db.prisma.participant.count({ where: { userId: user.id } })).toBe(1);
    await disableUser(db, user.id, BY);
    const acts = await db.prisma.auditEntry.findMany({ where: { subject: `user:${user.id}` }, orderBy: { id: 'asc' } });
    expect(acts.map((entry) => entry.act)).toEqual(['user.create', 'user.disable']);
    expect(JSON.stringify(acts.map(({ before, after }) => ({ before, after })))).not.toContain('argon2');
  });
});

describe('sign-ins', () => {
  test('disabling a user ends every sign-in at once and tells the sockets', async () => {
    const heard: string[] = [];
    const unlisten = await db.listen('plumbline_session', (payload) => heard.push(payload));
    const user = await newUser();
    const ids = [await createSession(db, user.id), await createSession(db, user.id)];
    expect(await loadSession(db, ids[0] as string)).toMatchObject({ userId: user.id, role: 'expert', sessionId: ids[0] });
    await disableUser(db, user.id, BY);
    for (const id of ids) expect(await loadSession(db, id)).toBeNull();
    await expect.poll(() => heard.filter((id) => ids.includes(id)).length).toBe(2);
    await unlisten();
  });

  test('ends by itself, by its end, by a new password and by another role', async () => {
    const user = await newUser();
    expect(await loadSession(db, await createSession(db, user.id, -1))).toBeNull();
    const ended = await createSession(db, user.id);
    await endSession(db, ended);
    await endSession(db, ended);
    expect(await loadSession(db, ended)).toBeNull();
    const before = await createSession(db, user.id);
    await setPassword(db, user.id, 'a new password', BY);
    expect(await loadSession(db, before)).toBeNull();
    const expert = await createSession(db, user.id);
    await setUserRole(db, user.id, 'reviewer', BY);
    expect(await loadSession(db, expert)).toBeNull();
  });

  test('an id that is none is nobody', async () => {
    expect(await loadSession(db, "'; DROP TABLE session; --")).toBeNull();
    expect(await loadSession(db, '')).toBeNull();
  });

  test('ten failures close an account for a while, from whatever address, the right password included', async () => {
    const user = await newUser();
    const tries = Array.from({ length: 20 }, (_, i) =>
      signIn(db, { email: user.email, password: 'wrong', address: `10.0.0.${i}` }).catch(code),
    );
    const codes = await Promise.all(tries);
    expect(codes.filter((c) => c === 'unauthenticated')).toHaveLength(10);
    expect(codes.filter((c) => c === 'rate_limited')).toHaveLength(10);
    await expect(signIn(db, { email: user.email, password: 'a long password', address: '10.0.1.1' })).rejects.toMatchObject({
      code: 'rate_limited',
    });
  });

  test('an address is closed after a hundred failures on any accounts', async () => {
    await db.pool.query(`INSERT INTO rate_limit (key, window_at, hits) VALUES ('signin:address:10.9.9.9', clock_timestamp(), 100)`);
    await expect(signIn(db, { email: 'someone@example.org', password: 'x', address: '10.9.9.9' })).rejects.toMatchObject({
      code: 'rate_limited',
    });
  });

  test('signing in rightly, however often, is never limited', async () => {
    const user = await newUser();
    for (let i = 0; i < 12; i++)
      expect(await signIn(db, { email: user.email, password: 'a long password', address: '10.2.0.1' })).toMatch(/^[0-9a-f-]{36}$/);
  });
});

test('a limit counts every hit and opens again with the next window', async () => {
  const rule = { windowMs: 60_000, max: 5 };
  const hits = await Promise.all(Array.from({ length: 12 }, () => hitRateLimit(db, 'some key', rule)));
  expect(hits.filter((hit) => hit.allowed)).toHaveLength(5);
  await db.pool.query(`UPDATE rate_limit SET window_at = window_at - interval '61 seconds' WHERE key = 'some key'`);
  expect((await hitRateLimit(db, 'some key', rule)).allowed).toBe(true);
});

describe('tickets', () => {
  async function ticketOf() {
    const { attempt, expert } = await makeAttempt(db, { environmentSettings: SETTINGS });
    const sessionId = await createSession(db, expert.id);
    const { ticket } = await mintTicket(db, { userId: expert.id, sessionId, attemptId: attempt.id, purpose: 'participate' });
    return { ticket, sessionId, attempt, expert };
  }

  test('carries who, which attempt and what for, and is kept only as a hash', async () => {
    const { ticket, sessionId, attempt, expert } = await ticketOf();
    expect(Buffer.from(ticket, 'base64url')).toHaveLength(32);
    expect(await db.prisma.ticket.findFirst({ where: { hash: ticket } })).toBeNull();
    expect(await redeemTicket(db, ticket)).toEqual({
      actor: { userId: expert.id, role: 'expert' },
      sessionId,
      attemptId: attempt.id,
      purpose: 'participate',
    });
  });

  test('of ten uses at once exactly one succeeds', async () => {
    const { ticket } = await ticketOf();
    const results = await Promise.all(Array.from({ length: 10 }, () => redeemTicket(db, ticket).then(() => 'taken', code)));
    expect(results.filter((result) => result === 'taken')).toHaveLength(1);
    expect(results.filter((result) => result === 'unauthenticated')).toHaveLength(9);
  });

  test('is worth nothing late, without its sign-in, to a disabled user, or made up', async () => {
    const late = await ticketOf();
    await db.pool.query(`UPDATE ticket SET expires_at = clock_timestamp() - interval '1 second' WHERE session_id = $1`, [late.sessionId]);
    const ended = await ticketOf();
    await endSession(db, ended.sessionId);
    const disabled = await ticketOf();
    await disableUser(db, disabled.expert.id, BY);
    for (const ticket of [late.ticket, ended.ticket, disabled.ticket, 'made up', ''])
      await expect(redeemTicket(db, ticket)).rejects.toMatchObject({ code: 'unauthenticated' });
    await removeDeadTickets(db);
    expect(await db.prisma.ticket.count({ where: { sessionId: late.sessionId } })).toBe(0);
  });
});
