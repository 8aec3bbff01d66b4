import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, request as requestOf } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createSession, endSession, mintTicket, portHostLabel, startAttempt } from '@plumbline/database';
import {
  encodeInputFrame,
  GatewayToBrowser,
  PROTOCOL_VERSION,
  type RequestAct,
  type RequestArgs,
  type RequestResult,
} from '@plumbline/protocol';
import { loadFamily } from '@plumbline/taskstandard';
import { freePort, makeAttempt, type TestDatabase, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { PRACTICE, RealSandbox } from '../realSandbox.fixture.ts';

/** Gateway and runner as their own processes, a real sandbox, and what a hostile page or browser might try. */

const PAGES = fileURLToPath(new URL('./servedPages.fixture.py', import.meta.url));
const ORIGIN = 'http://localhost:3999';
const PORT = 8765;
const TOKEN = 'a-token-of-the-test';

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

interface Tab {
  ask<A extends RequestAct>(act: A, args: RequestArgs<A>): Promise<RequestResult<A>>;
  type(terminal: number, text: string): void;
}

let testing: TestDatabase;
let dir: string;
let gatewayPort: number;
let attemptId: string;
let userId: string;
let sessionId: string;
let tab: Tab;
let opened: { origin: string; cookie: string };
let sandbox: RealSandbox | undefined;
const sockets: WebSocket[] = [];

beforeAll(async () => {
  testing = await testDatabase({ poolMax: 5 });
  // Under /var/tmp rather than the system's own folder, because the sandbox's user must be able to walk there.
  dir = await mkdtemp('/var/tmp/plumbline-ports-');
  await chmod(dir, 0o711);
  gatewayPort = await freePort();
  const { db } = testing;
  const { attempt, expert } = await makeAttempt(db, { environmentSettings: { ...loadFamily(PRACTICE).tasks['main']?.settings } });
  attemptId = attempt.id;
  userId = expert.id;
  const runnerTokenHash = createHash('sha256').update(TOKEN).digest('hex');
  await db.prisma.attempt.update({ where: { id: attemptId }, data: { state: 'ready', readyAt: new Date(), runnerTokenHash } });
  await startAttempt(db, attemptId, userId);
  sandbox = new RealSandbox({
    dir,
    databaseUrl: testing.url,
    origin: ORIGIN,
    gatewayPort,
    attemptId,
    token: TOKEN,
  });
  sessionId = await createSession(db, userId);
  tab = await vi.waitFor(() => openTab(sessionId, userId), { timeout: 60_000, interval: 100 });
  const text = await readFile(PAGES, 'utf8');
  await vi.waitFor(() => tab.ask('file.write', { tab: randomUUID(), path: 'pages.py', text, baseHash: null }), {
    timeout: 60_000,
    interval: 100,
  });
  const { terminal } = await tab.ask('terminal.open', { cols: 80, rows: 24 });
  tab.type(terminal, `python3 pages.py ${PORT}\n`);
  const listed = [{ port: PORT, command: `python3 pages.py ${PORT}` }];
  await vi.waitFor(async () => expect((await tab.ask('port.list', {})).ports).toEqual(listed), { timeout: 60_000, interval: 100 });
  opened = await redeem(await open());
});

afterAll(async () => {
  for (const socket of sockets) socket.terminate();
  await sandbox?.stop();
  await testing?.drop();
  if (dir !== undefined) await rm(dir, { recursive: true, force: true });
});

async function openTab(session: string, user: string): Promise<Tab> {
  const { ticket } = await mintTicket(testing.db, { userId: user, sessionId: session, attemptId, purpose: 'participate' });
  const socket = new WebSocket(`ws://127.0.0.1:${gatewayPort}/realtime/attempt?ticket=${ticket}`, { headers: { origin: ORIGIN } });
  sockets.push(socket);
  socket.on('error', () => {});
  await Promise.race([once(socket, 'open'), once(socket, 'close').then(() => Promise.reject(new Error('closed')))]);
  const replies = new Map<string, { resolve(value: unknown): void; reject(error: Error): void }>();
  let n = 0;
  socket.on('message', (data, isBinary) => {
    const message = isBinary ? null : GatewayToBrowser.parse(JSON.parse(String(data)));
    if (message?.t === 'ping') socket.send(JSON.stringify({ t: 'pong', id: message.id }));
    if (message?.t !== 'reply') return;
    if (message.error === undefined) replies.get(message.id)?.resolve(message.result);
    else replies.get(message.id)?.reject(new Error(`${message.error.code}: ${message.error.message}`));
  });
  socket.send(JSON.stringify({ t: 'hello', protocol: PROTOCOL_VERSION, tab: randomUUID(), firstEventN: 1, firstInputN: 1 }));
  return {
    ask: (act, args) =>
      new Promise((resolve, reject) => {
        const id = String(++n);
        replies.set(id, { resolve: resolve as (value: unknown) => void, reject });
        socket.send(JSON.stringify({ t: 'request', id, act, args }));
      }),
    type: (terminal, text) => socket.send(encodeInputFrame({ terminal, n: 1, more: false, bytes: Buffer.from(text) })),
  };
}

/** Asks the gateway as a browser would whose name for it is the URL's host. */
function ask(url: string, headers: Record<string, string> = {}, body?: Buffer): Promise<Answer> {
  const { host, pathname, search } = new URL(url);
  return new Promise((resolve, reject) => {
    const asked = requestOf(
      { host: '127.0.0.1', port: gatewayPort, path: pathname + search, method: body ? 'POST' : 'GET', headers: { ...headers, host } },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks).toString('latin1') }),
        );
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}

/** Writes bytes to the gateway and answers the first line that comes back. */
function say(text: string): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect(gatewayPort, '127.0.0.1', () => socket.write(text, 'latin1'));
    socket.on('data', (data) => {
      heard += data.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(heard.split('\r\n', 1)[0] ?? ''));
  });
}

/** Uses an address of `port.open` up: the origin, and the cookie that opens it. */
async function redeem(url: string): Promise<{ origin: string; cookie: string }> {
  const answer = await ask(url);
  expect(answer.status).toBe(303);
  const [cookie = ''] = answer.headers['set-cookie'] ?? [];
  expect(cookie).toMatch(/^plumbline-port=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/);
  return { origin: new URL(url).origin, cookie: cookie.split(';', 1)[0] as string };
}

const open = async (port = PORT, path = '/') => (await tab.ask('port.open', { port, path })).url;
const get = (path: string, headers: Record<string, string> = {}) => ask(opened.origin + path, { cookie: opened.cookie, ...headers });

describe('a page that a sandbox serves', () => {
  it('an address opens once, in one browser, for its own host name', async () => {
    const url = await open();
    expect(url).toMatch(/^http:\/\/[0-9a-f]{32}\.localhost:\d+\/\.plumbline\/open\?/);
    const before = opened;
    opened = await redeem(url);
    expect(opened.origin).toBe(before.origin);
    // Another browser with the same sign-in takes the page over.
    expect((await ask(`${before.origin}/headers`, { cookie: before.cookie })).status).toBe(401);
    expect((await ask(url)).status).toBe(401);
    expect((await get('/headers')).status).toBe(200);
    expect((await ask(`${opened.origin}/headers`)).status).toBe(401);
    expect((await ask(`${opened.origin}/headers`, { cookie: 'plumbline-port=guess' })).status).toBe(401);
    // The host name of another port takes neither this cookie nor this ticket.
    const other = await open(PORT + 1);
    const otherOrigin = new URL(other).origin;
    expect(otherOrigin).not.toBe(opened.origin);
    expect((await ask(`${otherOrigin}/headers`, { cookie: opened.cookie })).status).toBe(401);
    // Nor does the host name of another attempt, though it is the same person's.
    const { attempt: another } = await makeAttempt(testing.db, {
      expert: await testing.db.prisma.user.findUniqueOrThrow({ where: { id: userId } }),
    });
    const label = await portHostLabel(testing.db, { attemptId: another.id, sessionId, port: PORT });
    const anotherOrigin = opened.origin.replace(/[0-9a-f]{32}/, label);
    expect((await ask(`${anotherOrigin}/headers`, { cookie: opened.cookie })).status).toBe(401);
    expect((await ask((await open()).replace(opened.origin, anotherOrigin))).status).toBe(401);
    expect((await ask(`http://${'f'.repeat(32)}.localhost:${gatewayPort}/`, { cookie: opened.cookie })).status).toBe(401);
    expect((await ask(`http://x.localhost:${gatewayPort}/realtime/health`)).status).toBe(401);
  });

  it('a ticket for a page opens no workspace', async () => {
    const ticket = new URL(await open()).searchParams.get('ticket');
    const socket = new WebSocket(`ws://127.0.0.1:${gatewayPort}/realtime/attempt?ticket=${ticket}`, { headers: { origin: ORIGIN } });
    expect((await once(socket, 'close'))[0]).toBe(4401);
    // The name of a stream that no runner was asked for is nobody's.
    expect(
      await say(`GET /realtime/ports/${'0'.repeat(32)} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`),
    ).toContain(' 404 ');
  });

  it('the program sees a request to its own localhost, and nothing of the platform', async () => {
    const answer = await get('/headers', {
      cookie: `${opened.cookie}; plumbline-session=secret; own=1`,
      origin: opened.origin,
      referer: `${opened.origin}/tree`,
      'x-forwarded-for': '10.0.0.1',
    });
    expect(JSON.parse(answer.body)).toEqual([
      ['host', `localhost:${PORT}`],
      ['origin', `http://localhost:${PORT}`],
      ['referer', `http://localhost:${PORT}/tree`],
      ['cookie', 'own=1'],
      ['connection', 'keep-alive'],
    ]);
  });

  it('cookies and redirects of the program stay on its host name', async () => {
    const { headers } = await get('/cookies');
    expect(headers['set-cookie']).toEqual(['sid=1; Path=/']);
    expect(headers['clear-site-data']).toBeUndefined();
    const redirect = (to: string) => get(`/redirect?to=${encodeURIComponent(to)}`);
    expect((await redirect(`http://127.0.0.1:${PORT}/lab`)).headers.location).toBe(`${opened.origin}/lab`);
    const away = await redirect(`http://localhost:${gatewayPort}/realtime/health`);
    expect(away.status).toBe(409);
    expect(away.headers.location).toBeUndefined();
    expect(away.body).toContain(`its port ${gatewayPort}`);
  });

  it('a page of another site reaches nothing with this browser’s cookie', async () => {
    expect((await get('/headers', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' })).status).toBe(403);
    expect((await get('/headers', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' })).status).toBe(403);
    expect((await get('/headers', { origin: 'https://evil.example' })).status).toBe(403);
    const upgrade = (origin: string | null) =>
      say(
        `GET /socket HTTP/1.1\r\nHost: ${new URL(opened.origin).host}\r\nCookie: ${opened.cookie}\r\n${origin === null ? '' : `Origin: ${origin}\r\n`}Upgrade: websocket\r\n` +
          'Connection: Upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n\x88\x80\0\0\0\0',
      );
    expect(await upgrade('https://evil.example')).toContain(' 403 ');
    expect(await upgrade(null)).toContain(' 403 ');
    expect(await upgrade(opened.origin)).toContain(' 101 ');
  });

  it('bytes go both ways unchanged', async () => {
    const large = await get('/large?bytes=3000000');
    expect([large.status, large.body.length]).toEqual([200, 3_000_000]);
    const sent = await ask(`${opened.origin}/`, { cookie: opened.cookie, origin: opened.origin }, Buffer.alloc(1_000_000));
    expect(sent.body).toBe('d29751f2649b32ff572b5e0a9f541ea660a50f94ff0beedfb0b692b924cc8025');
  });

  it('requests that could be read in two ways, and headers without end, are refused', async () => {
    const head = `Host: ${new URL(opened.origin).host}\r\nCookie: ${opened.cookie}\r\n`;
    const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
    expect(await say(`POST / HTTP/1.1\r\n${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`)).toContain(
      ' 400 ',
    );
    expect(await say(`POST / HTTP/1.1\r\n${head}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd${smuggled}`)).toContain(' 400 ');
    expect(await say(`GET / HTTP/1.1\r\n${head}Host: localhost\r\nConnection: close\r\n\r\n`)).toMatch(/ 40[01] /);
    expect(await say(`GET http://localhost/ HTTP/1.1\r\n${head}Connection: close\r\n\r\n`)).toContain(' 400 ');
    expect(await say(`GET / HTTP/1.1\r\n${head}X: ${'x'.repeat(70_000)}\r\n\r\n`)).toContain(' 431 ');
    expect(await say(`CONNECT localhost:${PORT} HTTP/1.1\r\n${head}\r\n`)).toBe('');
  });

  it('a port of the host is none of the sandbox’s', async () => {
    let reached = 0;
    const host = createServer(() => {
      reached += 1;
    });
    host.on('connection', () => {
      reached += 1;
    });
    await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
    try {
      for (const port of [(host.address() as AddressInfo).port, gatewayPort]) {
        const { origin, cookie } = await redeem(await open(port));
        const answer = await ask(`${origin}/`, { cookie });
        expect(answer.status).toBe(404);
        expect(answer.body).toContain(`Nothing answers on port ${port} of the sandbox`);
      }
      expect(reached).toBe(0);
    } finally {
      host.close();
    }
  });

  it('closes with a pause and with the sign-in, and ends with the attempt', async () => {
    const held = () => {
      const socket = new WebSocket(`ws://127.0.0.1:${gatewayPort}/socket`, {
        headers: { host: new URL(opened.origin).host, cookie: opened.cookie, origin: opened.origin },
      });
      sockets.push(socket);
      socket.on('error', () => {});
      return socket;
    };
    const first = held();
    await once(first, 'open');
    first.send('hello');
    expect(String((await once(first, 'message'))[0])).toBe('echo hello');
    const closed = once(first, 'close');
    await tab.ask('pause', { reason: 'break' });
    await closed;
    const paused = await get('/headers');
    expect([paused.status, paused.body.includes('The attempt is paused')]).toEqual([503, true]);
    await expect(open()).rejects.toThrow(/clock_not_running/);
    await tab.ask('resume', {});
    expect((await get('/headers')).status).toBe(200);

    const other = await createSession(testing.db, userId);
    const elsewhere = await openTab(other, userId);
    const page = await redeem((await elsewhere.ask('port.open', { port: PORT, path: '/' })).url);
    expect(page.origin).not.toBe(opened.origin);
    expect((await ask(`${page.origin}/headers`, { cookie: page.cookie })).status).toBe(200);
    await endSession(testing.db, other);
    expect((await ask(`${page.origin}/headers`, { cookie: page.cookie })).status).toBe(401);

    await tab.ask('submit', { confirm: true });
    expect((await get('/headers')).status).toBe(410);
    await expect(open()).rejects.toThrow(/time_expired/);
  });
});
