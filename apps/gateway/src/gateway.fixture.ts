import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSession, type Database, mintTicket, startAttempt } from '@plumbline/database';
import {
  type BrowserToGateway,
  GatewayToBrowser,
  GatewayToRunner,
  PROTOCOL_VERSION,
  type RecordedEvent,
  type RunnerHello,
  type RunnerToGateway,
} from '@plumbline/protocol';
import { loadRecordingKeys, openRecording } from '@plumbline/recording';
import { folderStore, type ObjectStore } from '@plumbline/storage';
import {
  type AttemptFixtureOptions,
  exampleSettings,
  makeAttempt,
  type TemporaryFolder,
  type TestDatabase,
  temporaryFolder,
  testDatabase,
} from '@plumbline/testing';
import { pino } from 'pino';
import { WebSocket } from 'ws';
import { AttemptRegistry } from './attemptRegistry.ts';
import type { Gateway } from './gateway.ts';
import { PortStreams } from './ports/portStreams.ts';
import { createGatewayServer } from './server.ts';
import { ServerTime } from './serverTime.ts';

/** For tests: a gateway with a real database and real sockets, and what dials it, which says what a test has it say. */

const ORIGIN = 'http://localhost:3999';
const TOKEN = 'a-token-of-the-test';

/** A store whose folder can go: when `leave` resolves what was being written is written, and nothing is any more. */
function leavable(store: ObjectStore): { store: ObjectStore; leave(): Promise<void> } {
  const underWay = new Set<Promise<void>>();
  let left = false;
  const put: ObjectStore['put'] = (name, body) => {
    if (left) return Promise.reject(new Error('The test has ended.'));
    const writing = store.put(name, body).finally(() => underWay.delete(writing));
    underWay.add(writing);
    return writing;
  };
  return {
    store: { ...store, put },
    async leave() {
      left = true;
      await Promise.allSettled(underWay);
    },
  };
}

export class GatewayRig {
  readonly #testing: TestDatabase;
  readonly #folder: TemporaryFolder;
  readonly #leaveStore: () => Promise<void>;
  readonly #gateway: Gateway;
  #registry: AttemptRegistry;
  #server = createServer();
  readonly #sockets: WebSocket[] = [];

  private constructor(testing: TestDatabase, folder: TemporaryFolder, gateway: Gateway) {
    const { store, leave } = leavable(gateway.store);
    this.#testing = testing;
    this.#folder = folder;
    this.#leaveStore = leave;
    this.#gateway = { ...gateway, store };
    this.#registry = new AttemptRegistry(this.#gateway);
  }

  /** With a database, and a folder for the store and the keys, of its own where none is given. Its `stop` removes either. */
  static async start(given: { testing?: TestDatabase; folder?: TemporaryFolder } = {}): Promise<GatewayRig> {
    const testing = given.testing ?? (await testDatabase({ poolMax: 8 }));
    const folder = given.folder ?? (await temporaryFolder());
    const time = new ServerTime(async () => Date.now());
    await time.refresh();
    const rig = new GatewayRig(testing, folder, {
      db: testing.db,
      store: folderStore(`${folder.path}/store`),
      keys: await loadRecordingKeys(`${folder.path}/keys`),
      time,
      log: pino({ level: 'silent' }),
      version: 'test',
      portOrigin: null,
      portStreams: new PortStreams(),
    });
    await rig.#listen();
    return rig;
  }

  get db(): Database {
    return this.#testing.db;
  }

  /** Where it listens, and what runners show it. */
  get http(): { url: string; token: string } {
    return { url: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`, token: TOKEN };
  }

  /** How many objects are in the store. */
  async storedObjects(): Promise<number> {
    const entries = await readdir(`${this.#folder.path}/store`, { recursive: true, withFileTypes: true }).catch(() => []);
    return entries.filter((entry) => entry.isFile()).length;
  }

  async #listen(): Promise<void> {
    this.#server = createGatewayServer(this.#gateway, this.#registry, ORIGIN);
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
  }

  /** Another gateway process in the place of this one, which takes nothing of its memory along. */
  async restart(): Promise<void> {
    await this.#registry.close();
    for (const socket of this.#sockets.splice(0)) socket.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
    this.#registry = new AttemptRegistry(this.#gateway);
    await this.#listen();
  }

  /** What the database's notification of a change leads to. */
  changed(attemptId: string): void {
    this.#registry.changed(attemptId);
  }

  /** What the database's listener leads to when it is back. */
  async heardAgain(): Promise<void> {
    await this.#registry.endSignedOut();
  }

  async stop(): Promise<void> {
    await this.#registry.close();
    for (const socket of this.#sockets) socket.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.#leaveStore();
    await this.#testing.drop();
    await this.#folder.remove();
  }

  /** An attempt whose clock runs. */
  async attempt(study: AttemptFixtureOptions['study'] = {}): Promise<{ attemptId: string; userId: string }> {
    const { attempt, expert } = await makeAttempt(this.db, { environmentSettings: exampleSettings(), study });
    const runnerTokenHash = createHash('sha256').update(TOKEN).digest('hex');
    await this.db.prisma.attempt.update({ where: { id: attempt.id }, data: { state: 'ready', readyAt: new Date(), runnerTokenHash } });
    await startAttempt(this.db, attempt.id, expert.id);
    return { attemptId: attempt.id, userId: expert.id };
  }

  /** A runner whose sandbox is up; resolves with the answer to its hello. */
  async runner(attemptId: string, hello: Partial<RunnerHello> = {}): Promise<RiggedRunner> {
    // What a slow machine took since the start, with no runner yet, would be an outage and an event more.
    await this.db.pool.query('UPDATE attempt SET link_heartbeat_at = clock_timestamp() WHERE id = $1', [attemptId]);
    const socket = this.#dial('/realtime/runner', {});
    const runner = new RiggedRunner(socket);
    await once(socket, 'open');
    runner.send({
      t: 'hello',
      protocol: PROTOCOL_VERSION,
      version: 'test',
      attemptId,
      token: TOKEN,
      incarnation: 'one',
      firstN: 1,
      lastN: 0,
      wallMs: 0,
      monoMs: 0,
      phase: 'ready',
      terminals: [],
      frozen: false,
      scoring: null,
      inputMarks: {},
      ...hello,
    });
    await runner.next('attached');
    return runner;
  }

  /** A tab that holds its events from `firstEventN` on; resolves with its welcome. */
  async tab(
    attempt: { attemptId: string; userId: string },
    hello: { tab?: string; firstEventN?: number; firstInputN?: number; monoMs?: number } = {},
  ): Promise<RiggedTab> {
    const socket = await this.browser(attempt);
    const tab = new RiggedTab(socket, hello.tab ?? randomUUID());
    await once(socket, 'open');
    tab.send({ t: 'hello', protocol: PROTOCOL_VERSION, firstEventN: 1, firstInputN: 1, ...hello, tab: tab.id });
    await tab.next('welcome');
    return tab;
  }

  /** A page's socket on its way, which has said nothing. */
  async browser(attempt: { attemptId: string; userId: string }): Promise<WebSocket> {
    const sessionId = await createSession(this.db, attempt.userId);
    const { ticket } = await mintTicket(this.db, { ...attempt, sessionId, purpose: 'participate' });
    return this.#dial(`/realtime/attempt?ticket=${ticket}`, { origin: ORIGIN });
  }

  /** The recording as it is durable now. */
  async recorded(attemptId: string): Promise<RecordedEvent[]> {
    const { db, store, keys } = this.#gateway;
    const recording = await openRecording({ db, store, keys, attemptId });
    const events: RecordedEvent[] = [];
    for await (const event of recording.events()) events.push(event);
    return events;
  }

  #dial(path: string, headers: Record<string, string>): WebSocket {
    const { port } = this.#server.address() as AddressInfo;
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
    socket.on('error', () => {});
    this.#sockets.push(socket);
    return socket;
  }
}

/** One end of a link that keeps what it is told. */
class RiggedLink<Told extends { t: string }, Says> {
  readonly socket: WebSocket;
  readonly told: Told[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(socket: WebSocket, parse: (data: unknown) => Told) {
    this.socket = socket;
    socket.on('message', (data, isBinary) => {
      if (isBinary) return;
      const message = parse(JSON.parse(String(data)));
      // Who does not answer is taken for dead before a test that waits long has ended.
      if (message.t === 'ping') socket.send(JSON.stringify({ ...message, t: 'pong' }));
      this.told.push(message);
      for (const look of this.#waiting) look();
    });
  }

  send(message: Says): void {
    this.socket.send(JSON.stringify(message));
  }

  /** The first message of a kind that it was told, or will be. */
  next<T extends Told['t']>(kind: T, test: (message: Extract<Told, { t: T }>) => boolean = () => true): Promise<Extract<Told, { t: T }>> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.told.find((message): message is Extract<Told, { t: T }> => message.t === kind && test(message as never));
        if (found === undefined) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      this.socket.once('close', (code, reason) => reject(new Error(`closed with ${code}: ${reason}`)));
      look();
    });
  }
}

export class RiggedRunner extends RiggedLink<GatewayToRunner, RunnerToGateway> {
  constructor(socket: WebSocket) {
    super(socket, (data) => GatewayToRunner.parse(data));
  }

  /** Says that its sandbox is up. */
  ready(): void {
    const hardware = { node: null, cpus: 1, cpuModel: '', gpus: [], gpuProblem: null, diskWriteBytesPerSecond: null };
    this.send({ t: 'ready', instructionsHash: '', isolation: 'bubblewrap', freezeMethod: 'signals', network: 'none', hardware });
  }

  /** Says an event that counts, so that a test knows it again. */
  says(n: number): void {
    this.send({ t: 'event', n, atMs: n, type: 'resource.sample', stream: 0, data: { processes: n } });
  }
}

export class RiggedTab extends RiggedLink<GatewayToBrowser, BrowserToGateway> {
  readonly id: string;

  constructor(socket: WebSocket, id: string) {
    super(socket, (data) => GatewayToBrowser.parse(data));
    this.id = id;
  }

  /** Says an event of an editor under each of these numbers. */
  says(...numbers: number[]): void {
    for (const n of numbers) {
      const data = { tab: this.id, path: 'notes.md', version: n, changes: [] };
      this.send({ t: 'event', n, type: 'editor.changed', monoMs: n, data });
    }
  }

  /** Resolves when its events up to `n` are durable. */
  async durable(n: number): Promise<void> {
    await this.next('durable', ({ events }) => events >= n);
  }
}
