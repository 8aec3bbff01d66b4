import { randomUUID } from 'node:crypto';
import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { can } from '@plumbline/core';
import { CLOSE_CODES, encodeInputFrame, PROTOCOL_VERSION } from '@plumbline/protocol';
import { WebSocket } from 'ws';
import { startAttempt, until } from '../support/attempt.ts';
import { expect, test } from '../support/fixtures.ts';
import { findFaults, hasAllShown, readEvents } from '../support/recordingCheck.ts';
import type { Session } from '../support/session.ts';
import { Tab } from '../support/tab.ts';

interface Closed {
  code: number;
  reason: string;
  status?: number;
}

async function ticketOf(session: Session, attemptId: string): Promise<string> {
  return (await session.mutate<{ ticket: string }>('attempt.ticket', { attemptId })).ticket;
}

/** Opens a raw socket, says what it is told, and answers how it was closed. */
function knock(baseUrl: string, ticket: string, say: (socket: WebSocket) => void = () => {}, origin = baseUrl): Promise<Closed> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${baseUrl.replace(/^http/, 'ws')}/realtime/attempt?ticket=${ticket}`, { headers: { origin } });
    let status: number | undefined;
    socket.on('unexpected-response', (_request, response) => {
      status = response.statusCode;
      response.resume();
      resolve({ code: 0, reason: response.statusMessage ?? '', status });
    });
    socket.on('open', () => say(socket));
    socket.on('error', () => {});
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString(), status }));
  });
}

/** A gigabyte. */
const PASTE_MEGABYTES = 1024;

const hello = (tab = randomUUID()) => JSON.stringify({ t: 'hello', protocol: PROTOCOL_VERSION, tab, firstEventN: 1, firstInputN: 1 });

test.describe.configure({ mode: 'serial' });

let attemptId: string;
let session: Session;
let tab: Tab;
let terminal: number;

test.beforeAll(async ({ platform }) => {
  const { Session: SessionClass } = await import('../support/session.ts');
  session = await SessionClass.signIn(platform.baseUrl, 'expert@demo.plumbline.local', platform.demoPassword);
  attemptId = await startAttempt(session, /practice/i);
  tab = new Tab(session, attemptId);
  await tab.open();
  ({ terminal } = await tab.request('terminal.open', { cols: 80, rows: 24 }));
  tab.watch(terminal);
});

test('a ticket opens one socket, and is refused when it is shown again', async ({ platform }) => {
  const ticket = await ticketOf(session, attemptId);
  const first = new WebSocket(`${platform.baseUrl.replace(/^http/, 'ws')}/realtime/attempt?ticket=${ticket}`, {
    headers: { origin: platform.baseUrl },
  });
  await new Promise((resolve) => first.on('open', resolve));
  first.send(hello());
  await new Promise((resolve) => first.once('message', resolve));
  const second = await knock(platform.baseUrl, ticket);
  expect(second.code).toBe(CLOSE_CODES.ticket_invalid);
  expect(second.reason).not.toBe('');
  first.close();
});

test('a ticket that was never minted is refused with words', async ({ platform }) => {
  for (const ticket of ['', 'x'.repeat(43), '../../etc/passwd', '%00']) {
    const { code, reason } = await knock(platform.baseUrl, encodeURIComponent(ticket));
    expect(code, ticket).toBe(CLOSE_CODES.ticket_invalid);
    expect(reason).not.toBe('');
  }
});

test('a page of another origin gets no socket', async ({ platform }) => {
  const { status } = await knock(platform.baseUrl, await ticketOf(session, attemptId), () => {}, 'https://evil.example');
  expect(status).toBe(403);
});

test('another person gets no ticket for this attempt, and no answer about it', async ({ signIn }) => {
  for (const role of ['reviewer', 'researcher'] as const) {
    const other = await signIn(role);
    await expect(ticketOf(other, attemptId)).rejects.toThrow(/FORBIDDEN|NOT_FOUND/);
    await expect(other.query('attempt.get', { attemptId })).rejects.toThrow(/FORBIDDEN|NOT_FOUND/);
  }
  const admin = await signIn('admin');
  await expect(admin.mutate('attempt.ticket', { attemptId })).rejects.toThrow(/FORBIDDEN/);
});

/** What each route of the web process asks of `can()`; null where it is for everybody, or asks for each call of its own. */
const ROUTES: Readonly<Record<string, 'attempt.replay' | 'export.download' | null>> = {
  'attempts/[attemptId]/recording/diff': 'attempt.replay',
  'attempts/[attemptId]/recording/events': 'attempt.replay',
  'attempts/[attemptId]/recording/index': 'attempt.replay',
  'attempts/[attemptId]/recording/moment': 'attempt.replay',
  'attempts/[attemptId]/recording/opening': 'attempt.replay',
  'attempts/[attemptId]/recording/search': 'attempt.replay',
  'attempts/[attemptId]/recording/tree': 'attempt.replay',
  'auth/[...nextauth]': null,
  'exports/[exportId]': 'export.download',
  health: null,
  reachable: null,
  setup: null,
  'trpc/[trpc]': null,
};

test('every download is for those alone whom can() lets have it: 401 for nobody, 403 for another', async ({ platform, signIn }) => {
  const api = join(import.meta.dirname, '../../apps/web/src/app/api');
  // One that is added has to be listed here, with what it asks.
  expect(globSync('**/route.{ts,tsx}', { cwd: api }).map(dirname).sort()).toEqual(Object.keys(ROUTES).sort());
  const subject = { ownerUserId: 'expert', state: 'running' } as const;
  for (const [route, act] of Object.entries(ROUTES)) {
    if (act === null) continue;
    const path = `/api/${route.replace('[attemptId]', attemptId).replace('[exportId]', randomUUID())}`;
    expect((await fetch(platform.baseUrl + path)).status, `${path} without a session`).toBe(401);
    for (const role of ['expert', 'reviewer', 'researcher', 'admin'] as const) {
      const actor = { userId: role, role };
      const may = act === 'attempt.replay' ? can(actor, act, subject) : can(actor, act);
      const { status } = await (await signIn(role)).fetch(path);
      expect([401, 403].includes(status), `${path} for ${role}: ${status}`).toBe(!may);
    }
  }
});

test('frames that cannot be read are answered and cost nothing', async ({ platform }) => {
  const ticket = await ticketOf(session, attemptId);
  const answers: string[] = [];
  const { code } = await knock(platform.baseUrl, ticket, (socket) => {
    const owed = ['could not read a message', 'cannot record score.finished', ...['1', '2', '3'].map((id) => `"id":"${id}"`)];
    socket.on('message', (data) => {
      answers.push(data.toString());
      // This one ends the socket, and with it what is still to be answered.
      const all = answers.join('\n');
      if (owed.every((answer) => all.includes(answer))) socket.send(new Uint8Array([9, 9, 9]));
    });
    socket.send(hello());
    socket.send('{"t":"request"');
    socket.send('[]');
    socket.send(JSON.stringify({ t: 'request', id: '1', act: 'no.such.act', args: {} }));
    socket.send(JSON.stringify({ t: 'request', id: '2', act: 'terminal.open', args: { cols: -1, rows: 'x' } }));
    socket.send(JSON.stringify({ t: 'request', id: '3', act: '__proto__', args: {} }));
    socket.send(JSON.stringify({ t: 'event', n: 5, type: 'score.finished', monoMs: 1, data: {} }));
  });
  expect(code).toBe(CLOSE_CODES.bad_frame);
  const all = answers.join('\n');
  expect(all).toContain('could not read a message');
  for (const id of ['1', '2', '3']) expect(all).toMatch(new RegExp(`"id":"${id}","error":\\{"code":"invalid_input"`));
  expect(all).toContain('cannot record score.finished');
});

test('a frame beyond the limit closes the socket with 1009 and the limit in words', async ({ platform }) => {
  const { code, reason } = await knock(platform.baseUrl, await ticketOf(session, attemptId), (socket) => {
    socket.send(hello());
    socket.send('x'.repeat(5 * 1024 * 1024));
  });
  expect(code).toBe(1009);
  expect(reason).toContain('4 MiB');
});

test('a paste without end is refused at 5 MB, whatever its total', async ({ platform }) => {
  let sent = 0;
  const { code, reason } = await knock(platform.baseUrl, await ticketOf(session, attemptId), (socket) => {
    socket.send(hello());
    const bytes = Buffer.alloc(1024 * 1024, 'a');
    // As much of it as the gateway lets through before it ends the socket.
    const more = () => {
      if (socket.readyState !== WebSocket.OPEN || sent >= PASTE_MEGABYTES) return;
      sent += 1;
      socket.send(encodeInputFrame({ terminal, n: sent, more: true, bytes }), more);
    };
    more();
  });
  expect(code).toBe(CLOSE_CODES.bad_frame);
  expect(reason).toContain('5 MB');
  // How much is on its way when the word of it arrives is the buffers' between here and there: not all of it, in any case.
  expect(sent).toBeLessThan(PASTE_MEGABYTES);
});

test('a tab keeps its socket when the web process is killed', async ({ platform }) => {
  const { reconnects } = tab;
  const killed = platform.pid('web');
  platform.kill('web');
  await until('another web process is there', () => platform.pid('web') !== killed);
  tab.type(terminal, 'echo still-$((1+1))\n');
  await until('it ran', () => tab.text(terminal).includes('\nstill-2'));
  await platform.untilHealthy();
  expect(tab.reconnects).toBe(reconnects);
});

test('input out of order is taken once the missing part has come', async () => {
  tab.type(terminal, 'echo in-order-1\n');
  await until('it ran', () => tab.text(terminal).includes('\nin-order-1'));
  // A number from the future is as if lost: nothing is written, and what follows in order works.
  tab.sendRaw(encodeInputFrame({ terminal, n: 1_000, more: false, bytes: Buffer.from('echo from-the-future\n') }));
  tab.sendRaw(encodeInputFrame({ terminal, n: 1, more: false, bytes: Buffer.from('echo from-the-past\n') }));
  tab.type(terminal, 'echo in-order-2\n');
  await until('it ran', () => tab.text(terminal).includes('\nin-order-2'));
  expect(tab.text(terminal)).not.toContain('from-the');
});

test('paths that leave the workspace are refused, and nothing is written', async () => {
  tab.type(terminal, 'ln -s /etc leak; ln -s /etc/passwd leak-file; mkfifo pipe; echo made-links\n');
  await until('the links are made', () => tab.text(terminal).includes('\nmade-links'));
  const write = (path: string) => tab.request('file.write', { tab: tab.id, path, text: 'owned', baseHash: null });
  for (const path of ['../outside', '/etc/passwd', 'a/../../b', 'leak/new-file', 'leak/passwd']) {
    await expect(write(path), path).rejects.toThrow(/invalid_input|forbidden|not_found|conflict/);
    await expect(tab.request('file.read', { path }), path).rejects.toThrow(/invalid_input|forbidden|not_found/);
  }
  await expect(tab.request('file.read', { path: 'leak-file' })).rejects.toThrow(/invalid_input|forbidden|not_found/);
  await expect(tab.request('file.read', { path: 'nul\0byte' })).rejects.toThrow(/invalid_input/);
  await expect(tab.request('file.read', { path: 'pipe' })).rejects.toThrow(/invalid_input|forbidden|not_found/);
  await expect(tab.request('file.read', { path: 'x'.repeat(5_000) })).rejects.toThrow(/invalid_input/);
  await expect(tab.request('file.rename', { path: 'leak', to: '../moved' })).rejects.toThrow(/invalid_input|forbidden/);
  await expect(tab.request('file.delete', { path: '.' })).rejects.toThrow(/invalid_input|forbidden/);
});

test('a save over a newer file is a conflict that keeps both', async () => {
  const saved = await tab.request('file.write', { tab: tab.id, path: 'notes.txt', text: 'one', baseHash: null });
  tab.type(terminal, 'echo outside > notes.txt; echo changed-outside\n');
  await until('it changed', () => tab.text(terminal).includes('\nchanged-outside'));
  await expect(tab.request('file.write', { tab: tab.id, path: 'notes.txt', text: 'two', baseHash: saved.hash })).rejects.toThrow(
    /conflict/,
  );
  expect((await tab.request('file.read', { path: 'notes.txt' })).text).toBe('outside\n');
});

test('a paused attempt takes no input, no edits, no score and no submission, and what was typed never arrives', async () => {
  await tab.request('pause', { reason: 'break' });
  tab.type(terminal, 'echo typed-while-paused\n');
  await until('typing is refused with words', () => tab.errors.some((error) => error.code === 'clock_not_running'));
  await expect(tab.request('file.write', { tab: tab.id, path: 'paused.txt', text: 'x', baseHash: null })).rejects.toThrow(
    /clock_not_running/,
  );
  await expect(tab.request('file.read', { path: 'notes.txt' })).rejects.toThrow(/clock_not_running/);
  await expect(tab.request('instructions', {})).rejects.toThrow(/clock_not_running/);
  await expect(tab.request('score', {})).rejects.toThrow(/clock_not_running/);
  await expect(tab.request('submit', { confirm: true })).rejects.toThrow(/clock_not_running/);
  const paused = await tab.request('status', {});
  expect((await tab.request('status', {})).elapsedMs).toBe(paused.elapsedMs);
  await tab.request('resume', {});
  tab.type(terminal, 'echo after-the-pause\n');
  await until('typing works again', () => tab.text(terminal).includes('\nafter-the-pause'));
  expect(tab.text(terminal)).not.toContain('typed-while-paused');
});

test('after all that the recording is whole, and holds every byte that was shown', async ({ platform }) => {
  await until('everything typed is durable', () => tab.unacknowledgedInput === 0);
  const events = await until('all that was shown is recorded', async () => {
    const all = await readEvents(platform, attemptId);
    return hasAllShown(all, tab) ? all : null;
  });
  expect(findFaults(events, tab)).toEqual([]);
  tab.end();
});
