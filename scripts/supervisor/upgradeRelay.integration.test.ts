import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { freePort } from '@plumbline/testing';
import { type TemporaryFolder, temporaryFolder } from '@plumbline/testing/temporaryFolder';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { Child } from './child.ts';
import { isRunning, type ProcessIdentity } from './processIdentity.ts';
import { UpgradeRelay } from './upgradeRelay.ts';

let folder: TemporaryFolder;
let rig: Rig;

beforeAll(async () => {
  folder = await temporaryFolder();
  rig = await Rig.start();
});
beforeEach(async () => {
  await rig.untilHanded();
  await rig.closePages();
});
afterAll(async () => {
  await rig.stop();
  await folder.remove();
});

/** A web and a gateway process under the supervisor's own code, which runs in this process. */
class Rig {
  readonly port: number;
  /** Whether a gateway stands still from its start on. */
  holdsGateways = false;
  readonly #started: Record<'web' | 'gateway', ProcessIdentity[]> = { web: [], gateway: [] };
  readonly #children: Child[];
  readonly #sockets: WebSocket[] = [];

  private constructor(port: number, gatewayPort: number) {
    this.port = port;
    // So long that it is never what closes one here.
    const relay = new UpgradeRelay({ waitMaxMs: 600_000 });
    const file = (name: string) => join(import.meta.dirname, name);
    const common = { cwd: folder.path, env: process.env, logsDir: folder.path, onDied: () => {} };
    this.#children = [
      new Child({
        ...common,
        name: 'gateway',
        args: [file('realtime.fixture.ts'), String(gatewayPort)],
        onStarted: (identity) => {
          this.#started.gateway.push(identity);
          if (this.holdsGateways) process.kill(identity.pid, 'SIGSTOP');
        },
        onChannel: (child) => relay.gatewayStarted(child),
      }),
      new Child({
        ...common,
        name: 'web',
        args: ['--import', file('webPreload.ts'), file('pages.fixture.ts'), String(port), String(gatewayPort)],
        onStarted: (identity) => this.#started.web.push(identity),
        onChannel: (child) => relay.webStarted(child),
      }),
    ];
  }

  static async start(): Promise<Rig> {
    const started = new Rig(await freePort(), await freePort());
    for (const child of started.#children) child.start();
    await started.untilHanded();
    return started;
  }

  pid(name: 'web' | 'gateway'): number {
    return this.process(name).pid;
  }

  process(name: 'web' | 'gateway'): ProcessIdentity {
    return this.#started[name].at(-1) as ProcessIdentity;
  }

  /** Opens a page's socket. Null where it is closed before the gateway's first word. */
  async open(path = '/realtime/attempt?ticket=a%20b', headers: Record<string, string> = {}): Promise<PageSocket | null> {
    const socket = new WebSocket(`ws://127.0.0.1:${this.port}${path}`, { perMessageDeflate: false, headers });
    this.#sockets.push(socket);
    socket.on('error', () => {});
    let localPort: number | undefined;
    socket.once('upgrade', (response) => {
      localPort = response.socket.localPort;
    });
    const word = await new Promise<string | null>((resolve) => {
      socket.once('message', (data) => resolve(String(data)));
      socket.once('close', () => resolve(null));
    });
    if (word === null) return null;
    const asked = JSON.parse(word);
    return new PageSocket(socket, { ...asked, wasHanded: asked.remotePort === localPort });
  }

  /** Opens sockets until one comes without web in between. */
  async untilHanded(): Promise<PageSocket> {
    for (;;) {
      const page = await this.open();
      if (page?.asked.wasHanded) return page;
      page?.socket.terminate();
    }
  }

  async closePages(): Promise<void> {
    const open = this.#sockets.splice(0).filter(({ readyState }) => readyState !== WebSocket.CLOSED);
    await Promise.all(
      open.map((socket) => {
        socket.terminate();
        return new Promise((resolve) => socket.once('close', resolve));
      }),
    );
  }

  async stop(): Promise<void> {
    await this.closePages();
    await Promise.all(this.#children.map((child) => child.stop()));
  }
}

class PageSocket {
  readonly socket: WebSocket;
  readonly asked: { pid: number; url: string; headers: Record<string, string>; wasHanded: boolean };

  readonly closed: Promise<unknown>;

  constructor(socket: WebSocket, asked: PageSocket['asked']) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    this.asked = asked;
  }

  async echo(data: Buffer): Promise<Buffer> {
    const answer = once(this.socket, 'message');
    this.socket.send(data);
    return (await answer)[0] as Buffer;
  }
}

/** How many sockets a process holds open, listening ones and its channel included. */
function socketsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:');
    } catch {
      // The one that read the folder.
      return false;
    }
  }).length;
}

const handshake = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: pages\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`;

function raw(): { socket: Socket; received: () => string } {
  const socket = connect(rig.port, '127.0.0.1');
  let text = '';
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1');
  });
  return { socket, received: () => text };
}

test('a page keeps its socket when web is killed, and when web ends in order, which does not wait for it', async () => {
  const page = await rig.untilHanded();
  const killed = rig.process('web');
  process.kill(killed.pid, 'SIGKILL');
  await expect.poll(() => rig.pid('web')).not.toBe(killed.pid);
  expect(String(await page.echo(Buffer.from('still here')))).toBe('still here');

  const second = await rig.untilHanded();
  const ended = rig.process('web');
  process.kill(ended.pid, 'SIGTERM');
  await expect.poll(() => isRunning(ended)).toBe(false);
  expect(String(await page.echo(Buffer.from('and here')))).toBe('and here');
  expect(String(await second.echo(Buffer.from('here too')))).toBe('here too');
});

test('bytes that came with the request, and while it was handed on, reach the gateway once and in order', async () => {
  const doneFile = join(folder.path, 'sent');
  const clients = spawn(process.execPath, [join(import.meta.dirname, 'eagerClients.fixture.ts'), String(rig.port), doneFile], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  clients.stdout.on('data', (bytes: Buffer) => {
    output += bytes;
  });
  // Their output is a socket of this process's until then, and those are counted below.
  const ended = once(clients, 'close');
  // This process is the supervisor, which takes nothing meanwhile: all but the first wait in web.
  spawnSync('sh', ['-c', `until [ -e '${doneFile}' ]; do sleep 0.05; done`], { timeout: 60_000 });
  await ended;
  const answers: string[] = JSON.parse(output);
  expect(answers).toHaveLength(4);
  for (const answer of answers) expect(answer).toMatch(/^HTTP\/1.1 101 (?:(?!one|two)[\s\S])*one(?:(?!one|two)[\s\S])*two$/);
});

test('megabytes go both ways unchanged', async () => {
  const page = await rig.untilHanded();
  const bytes = randomBytes(8 * 1024 * 1024);
  const digest = (data: Buffer) => createHash('sha256').update(data).digest('hex');
  expect(digest(await page.echo(bytes))).toBe(digest(bytes));
});

test('sockets that a gateway has not taken when it dies are closed, and the next one takes others', async () => {
  const stalled = rig.pid('gateway');
  process.kill(stalled, 'SIGSTOP');
  const waiting = Array.from({ length: 300 }, () => rig.open());
  // Each has been asked for once the last one's request is with web, which answers in order. Its own connection is not kept: sockets are counted below.
  const ask = () => fetch(`http://127.0.0.1:${rig.port}/`, { headers: { connection: 'close' } });
  await expect.poll(async () => (await ask()).text()).toBe('a page');
  // The next one is held until they are closed: those that web has not brought by then would be its.
  rig.holdsGateways = true;
  process.kill(stalled, 'SIGKILL');
  expect((await Promise.all(waiting)).filter((page) => page !== null)).toEqual([]);
  rig.holdsGateways = false;
  await expect.poll(() => rig.pid('gateway')).not.toBe(stalled);
  process.kill(rig.pid('gateway'), 'SIGCONT');
  const page = await rig.untilHanded();
  expect(page.asked.pid).toBe(rig.pid('gateway'));
  expect(page.asked.pid).not.toBe(stalled);
});

test('two hundred sockets, whichever way they end, leave no descriptor in any process', async () => {
  const [web, gateway] = [rig.pid('web'), rig.pid('gateway')];
  // Where each listens, and its channel.
  await expect.poll(() => [socketsOf(web), socketsOf(gateway)]).toEqual([2, 2]);
  const supervisor = socketsOf(process.pid);
  for (let turn = 0; turn < 10; turn++) {
    const pages = await Promise.all(Array.from({ length: 15 }, () => rig.open()));
    const cut = Array.from({ length: 5 }, () => {
      const { socket } = raw();
      socket.write(handshake('/realtime/attempt'), () => (turn % 2 === 0 ? socket.resetAndDestroy() : socket.end()));
      return once(socket, 'close');
    });
    const closed = pages.map(async (page, n) => {
      if (n % 2 === 0) page?.socket.terminate();
      else page?.socket.close();
      await page?.closed;
    });
    await Promise.all([...cut, ...closed]);
    expect(pages.every((page) => page?.asked.wasHanded)).toBe(true);
  }
  await expect.poll(() => [web, gateway, process.pid].map(socketsOf)).toEqual([2, 2, supervisor]);
});

test('a page’s request and an upgrade in one packet are both answered', async () => {
  const { socket, received } = raw();
  socket.write(`GET / HTTP/1.1\r\nHost: pages\r\n\r\n${handshake('/realtime/attempt')}`);
  await expect.poll(received).toMatch(/a page[\s\S]*101 Switching/);
  socket.destroy();
});

test('an upgrade of any other path is left to Next', async () => {
  const page = await rig.open('/elsewhere');
  expect(page?.asked.wasHanded).toBe(false);
});

test('what the gateway is asked is the same by either way', async () => {
  const headers = { origin: 'http://localhost:3000', cookie: 'a=1; b=2', 'x-forwarded-for': '10.0.0.1', 'x-forwarded-host': 'not.me' };
  const handed = await rig.open('/realtime/attempt?ticket=a%20b&x=1', headers);
  expect(handed?.asked.wasHanded).toBe(true);
  // The rewrite is all that is left when the gateway's channel to the supervisor is closed.
  process.kill(rig.pid('gateway'), 'SIGUSR2');
  await expect.poll(async () => (await rig.open())?.asked.wasHanded).toBe(false);
  const rewritten = await rig.open('/realtime/attempt?ticket=a%20b&x=1', headers);
  const seen = (page: PageSocket | null) => ({
    ...page?.asked.headers,
    'sec-websocket-key': '',
    url: new URL(page?.asked.url ?? '', 'ws://a').href,
  });
  expect(seen(handed)).toEqual(seen(rewritten));
  expect(handed?.asked.headers.host).not.toContain(String(rig.port));
});
