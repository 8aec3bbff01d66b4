import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import type { TicketPurpose } from '@plumbline/core';
import { appendByStaff, createSession, listAudit, listScores, loadAttempt, mintTicket, startAttempt } from '@plumbline/database';
import {
  encodeInputFrame,
  GatewayToBrowser,
  PROTOCOL_VERSION,
  type RequestAct,
  type RequestArgs,
  type RequestResult,
} from '@plumbline/protocol';
import { loadFamily } from '@plumbline/taskstandard';
import { freePort, makeAttempt, makeUser, type TestDatabase, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { PRACTICE, RealSandbox } from './realSandbox.fixture.ts';

/** Gateway and runner as their own processes, a real sandbox in which something runs, and staff who change its clock. */

const ORIGIN = 'http://localhost:3999';
const TOKEN = 'a-token-of-the-test';
const MINUTE_MS = 60_000;

let testing: TestDatabase;
let dir: string;
let gatewayPort: number;
let attemptId: string;
let owner: { userId: string; sessionId: string };
let admin: { userId: string; sessionId: string };
let socket: WebSocket;
const told: GatewayToBrowser[] = [];
let sandbox: RealSandbox | undefined;

beforeAll(async () => {
  testing = await testDatabase({ poolMax: 5 });
  // Under /var/tmp rather than the system's own folder, because the sandbox's user must be able to walk there.
  dir = await mkdtemp('/var/tmp/plumbline-staff-');
  await chmod(dir, 0o711);
  gatewayPort = await freePort();
  const { db } = testing;
  const { attempt, expert } = await makeAttempt(db, { environmentSettings: { ...loadFamily(PRACTICE).tasks['main']?.settings } });
  attemptId = attempt.id;
  owner = { userId: expert.id, sessionId: await createSession(db, expert.id) };
  const { id } = await makeUser(db, 'admin');
  admin = { userId: id, sessionId: await createSession(db, id) };
  const runnerTokenHash = createHash('sha256').update(TOKEN).digest('hex');
  await db.prisma.attempt.update({ where: { id: attemptId }, data: { state: 'ready', readyAt: new Date(), runnerTokenHash } });
  await startAttempt(db, attemptId, expert.id);
  sandbox = new RealSandbox({
    dir,
    databaseUrl: testing.url,
    origin: ORIGIN,
    gatewayPort,
    attemptId,
    token: TOKEN,
  });
  await vi.waitFor(openTab, { timeout: 60_000, interval: 100 });
  await vi.waitFor(() => write('beat.sh', 'while :; do date +%s%3N >> beats; sleep 0.05; done\n'), { timeout: 60_000, interval: 100 });
  const { terminal } = await ask('terminal.open', { cols: 80, rows: 24 });
  socket.send(encodeInputFrame({ terminal, n: 1, more: false, bytes: Buffer.from('sh beat.sh\n') }));
  await vi.waitFor(async () => expect((await beats()).length).toBeGreaterThan(3), { timeout: 60_000, interval: 100 });
});

afterAll(async () => {
  socket?.terminate();
  await sandbox?.stop();
  await testing?.drop();
  if (dir !== undefined) await rm(dir, { recursive: true, force: true });
});

async function openTab(): Promise<void> {
  const { ticket } = await mintTicket(testing.db, { ...owner, attemptId, purpose: 'participate' });
  socket = new WebSocket(`ws://127.0.0.1:${gatewayPort}/realtime/attempt?ticket=${ticket}`, { headers: { origin: ORIGIN } });
  socket.on('error', () => {});
  await Promise.race([once(socket, 'open'), once(socket, 'close').then(() => Promise.reject(new Error('closed')))]);
  socket.on('message', (data, isBinary) => {
    if (isBinary) return;
    const message = GatewayToBrowser.parse(JSON.parse(String(data)));
    if (message.t === 'ping') socket.send(JSON.stringify({ t: 'pong', id: message.id }));
    told.push(message);
  });
  socket.send(JSON.stringify({ t: 'hello', protocol: PROTOCOL_VERSION, tab: randomUUID(), firstEventN: 1, firstInputN: 1 }));
}

async function ask<A extends RequestAct>(act: A, args: RequestArgs<A>): Promise<RequestResult<A>> {
  const id = randomUUID();
  socket.send(JSON.stringify({ t: 'request', id, act, args }));
  const reply = await vi.waitFor(
    () => {
      const found = told.find((message) => message.t === 'reply' && message.id === id);
      if (found?.t !== 'reply') throw new Error(`no answer to ${act}`);
      return found;
    },
    { timeout: 30_000, interval: 20 },
  );
  if (reply.error !== undefined) throw new Error(`${reply.error.code}: ${reply.error.message}`);
  return reply.result as RequestResult<A>;
}

const write = (path: string, text: string) => ask('file.write', { tab: randomUUID(), path, text, baseHash: null });
const view = () => loadAttempt(testing.db, attemptId);
const lastEvent = async () => (await view()).events.at(-1);

/** When something ran in the sandbox, in milliseconds. */
async function beats(): Promise<number[]> {
  const { text } = await ask('file.read', { path: 'beats' });
  return (text ?? '').trim().split('\n').map(Number);
}

/** The newest clock that the participant's page was told, once it is as it should be. */
function clockTold(test: (clock: Extract<GatewayToBrowser, { t: 'clock' }>['clock']) => boolean) {
  return vi.waitFor(
    () => {
      const last = told.findLast((message) => message.t === 'clock');
      if (last?.t !== 'clock' || !test(last.clock)) throw new Error(`the page was told ${JSON.stringify(last)}`);
      return last.clock;
    },
    { timeout: 60_000, interval: 20 },
  );
}

/** Asks the gateway for a pause as the web process does in the name of this person. */
async function pause(by: { userId: string; sessionId: string }, reason: string, purpose: TicketPurpose = 'pause') {
  const { ticket } = await mintTicket(testing.db, { ...by, attemptId, purpose });
  return order({ ticket, reason });
}

async function order(body: unknown, headers: Record<string, string> = {}): Promise<{ status: number; code?: string }> {
  const url = `http://127.0.0.1:${gatewayPort}/realtime/pause`;
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body), headers });
  return { status: response.status, ...(response.ok ? {} : await response.json().catch(() => ({}))) };
}

it('staff pause an attempt whose sandbox stands still before the pause is written, and nobody but they resume it', async () => {
  expect(await pause(admin, 'The disk of this host is being replaced')).toEqual({ status: 204 });
  const note = 'The disk of this host is being replaced';
  const paused = await lastEvent();
  expect(paused).toMatchObject({ kind: 'paused', reason: 'platform', note, by: admin.userId });
  expect(await clockTold(({ state }) => state === 'paused')).toMatchObject({
    staffPause: { reason: 'The disk of this host is being replaced' },
    staff: { kind: 'paused' },
    pausesLeft: (await clockTold(() => true)).pausesLeft,
    pauseEndsInMs: null,
  });
  await expect(ask('resume', {})).rejects.toThrow(/^forbidden: Staff paused this attempt/);
  expect(await pause(admin, 'Once more')).toMatchObject({ status: 409, code: 'clock_not_running' });

  await appendByStaff(testing.db, attemptId, { kind: 'resumed', reason: 'The disk is there' }, admin.userId);
  const resumed = await lastEvent();
  await clockTold(
    ({ state, staff, staffPause }) => state === 'running' && staff?.reason === 'The disk is there' && staffPause === undefined,
  );
  await vi.waitFor(async () => expect((await beats()).at(-1)).toBeGreaterThan(resumed?.atMs ?? Number.POSITIVE_INFINITY), {
    timeout: 60_000,
  });
  expect((await beats()).filter((atMs) => atMs > (paused?.atMs ?? 0) && atMs < (resumed?.atMs ?? 0))).toEqual([]);

  const audited = await listAudit(testing.db, { subject: `attempt:${attemptId}`, limit: 10 });
  expect(audited.map(({ act, userId, before, after }) => ({ act, userId, before, after }))).toMatchObject([
    { act: 'attempt.resume', userId: admin.userId, before: { state: 'paused' }, after: { state: 'running', reason: 'The disk is there' } },
    { act: 'attempt.pause', userId: admin.userId, before: { state: 'running' }, after: { state: 'paused', note } },
  ]);
});

it('a pause of the participant’s own is not resumed by staff', async () => {
  await ask('pause', { reason: 'break' });
  await expect(appendByStaff(testing.db, attemptId, { kind: 'resumed', reason: 'Go on' }, admin.userId)).rejects.toMatchObject({
    code: 'conflict',
  });
  await ask('resume', {});
});

it('a pause is ordered with a ticket for one pause, by who may, with a reason, and not by a page', async () => {
  const eventsBefore = (await view()).events.length;
  expect(await pause(owner, 'My own')).toMatchObject({ status: 403, code: 'forbidden' });
  expect(await pause(admin, '  ')).toMatchObject({ status: 400, code: 'invalid_input' });
  expect(await pause(admin, 'x'.repeat(501))).toMatchObject({ status: 400, code: 'invalid_input' });
  expect(await pause(owner, 'Another ticket', 'participate')).toMatchObject({ status: 401, code: 'unauthenticated' });
  const { ticket } = await mintTicket(testing.db, { ...admin, attemptId, purpose: 'pause' });
  expect(await order({ ticket, reason: 'From a page' }, { origin: ORIGIN })).toEqual({ status: 404 });
  expect(await order({ ticket: 'guessed', reason: 'x' })).toMatchObject({ status: 401 });
  expect(await order('x'.repeat(100_000))).toMatchObject({ status: 413, code: 'too_large' });
  expect((await view()).events).toHaveLength(eventsBefore);
});

it('a pause of staff cancels the score that runs, which stays as a row', async () => {
  const { hash } = await ask('file.read', { path: 'solution/textstats.py' });
  await ask('file.write', { tab: randomUUID(), path: 'solution/textstats.py', text: 'while True:\n    pass\n', baseHash: hash ?? null });
  await ask('score', {});
  expect(await pause(admin, 'This host is needed')).toEqual({ status: 204 });
  expect((await listScores(testing.db, attemptId)).map(({ status }) => status)).toEqual(['cancelled']);
  await appendByStaff(testing.db, attemptId, { kind: 'resumed', reason: 'Not any more' }, admin.userId);
  await clockTold(({ state }) => state === 'running');
});

it('staff give minutes and take them, to the millisecond, and the participant is told of each', async () => {
  const spent = async () => {
    const { remainingMs, serverNowMs } = await clockTold(({ running }) => running);
    return remainingMs + serverNowMs;
  };
  const before = await spent();
  await appendByStaff(testing.db, attemptId, { kind: 'adjusted', creditMs: 10 * MINUTE_MS, reason: 'A slow disk' }, admin.userId);
  await clockTold(({ staff }) => staff?.kind === 'adjusted' && staff.creditMs === 10 * MINUTE_MS && staff.reason === 'A slow disk');
  expect((await spent()) - before).toBeCloseTo(10 * MINUTE_MS, -1);
  await appendByStaff(testing.db, attemptId, { kind: 'adjusted', creditMs: -4 * MINUTE_MS, reason: 'Too many' }, admin.userId);
  await clockTold(({ staff }) => staff?.creditMs === -4 * MINUTE_MS);
  expect((await spent()) - before).toBeCloseTo(6 * MINUTE_MS, -1);
});

it('staff stop an attempt, which ends as it stands with their reason, and is corrected after that without being reopened', async () => {
  await appendByStaff(testing.db, attemptId, { kind: 'stopped', reason: 'By agreement' }, admin.userId);
  await clockTold(({ state, staff }) => state === 'finalising' && staff?.kind === 'stopped' && staff.reason === 'By agreement');
  expect(await view()).toMatchObject({ endReason: 'stopped_by_admin' });
  await expect(ask('file.read', { path: 'beats' })).rejects.toThrow(/^time_expired/);
  await appendByStaff(testing.db, attemptId, { kind: 'adjusted', creditMs: MINUTE_MS, reason: 'A correction' }, admin.userId);
  expect((await view()).state).not.toBe('running');
  await expect(appendByStaff(testing.db, attemptId, { kind: 'stopped', reason: 'Again' }, admin.userId)).rejects.toMatchObject({
    code: 'conflict',
  });
});
