import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@plumbline/config/systemClock';
import {
  EDITOR_FILE_MAX_BYTES,
  encodeForwardedInput,
  type GatewayToRunner,
  RUNNER_FRAME_MAX_BYTES,
  type RunnerHello,
  type RunnerToGateway,
} from '@plumbline/protocol';
import { FakeClock } from '@plumbline/testing/fakeClock';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { EventLog, type LogState, openJournal } from './eventLog.ts';
import type { Journal } from './journal.ts';
import { Link, type LinkOptions } from './link.ts';
import { ServerTime } from './serverTime.ts';

/** What comes at once on a free machine, on one that is shared. */
const WITHIN = { timeout: 20_000, interval: 20 };

/** A gateway that does what a test tells it, on a real socket. */
class StubGateway {
  readonly server = new WebSocketServer({ port: 0, host: '127.0.0.1', maxPayload: RUNNER_FRAME_MAX_BYTES });
  readonly hellos: RunnerHello[] = [];
  readonly messages: Exclude<RunnerToGateway, RunnerHello>[] = [];
  socket: WebSocket | null = null;
  /** What a hello is answered with; null leaves it without an answer. */
  answer: GatewayToRunner | null = { t: 'attached', lastTerminal: 0, epoch: 1, ackedN: 0, serverNowMs: 1_000_000 };

  constructor() {
    this.server.on('connection', (socket) => {
      this.socket = socket;
      socket.on('message', (data: Buffer, isBinary: boolean) => {
        if (isBinary) return;
        const message = JSON.parse(data.toString()) as RunnerToGateway;
        if (message.t !== 'hello') this.messages.push(message);
        else {
          this.hellos.push(message);
          if (this.answer !== null) this.send(this.answer);
        }
      });
    });
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.server.address() as AddressInfo).port}/realtime/runner`;
  }

  get eventNumbers(): number[] {
    return this.messages.flatMap((message) => (message.t === 'event' ? [message.n] : []));
  }

  send(message: GatewayToRunner): void {
    this.socket?.send(JSON.stringify(message));
  }

  async close(): Promise<void> {
    for (const client of this.server.clients) client.terminate();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

let dir: string;
let gateway: StubGateway;
let journal: Journal<LogState>;
let log: EventLog;
let time: ServerTime;
let link: Link | null;
let seen: { attached: number; detached: number; refused: string[]; inputs: number[] };

function dial(options: Partial<LinkOptions> = {}): Link {
  link = new Link({
    url: gateway.url,
    attemptId: 'attempt',
    token: 'secret',
    version: '0',
    incarnation: 'one',
    protocol: 1,
    log,
    time,
    clock: systemClock,
    logger: pino({ level: 'silent' }),
    hello: () => ({ phase: 'ready', terminals: [], frozen: false, scoring: null }),
    onMessage: () => {},
    onInput: (input) => seen.inputs.push(input.n),
    onAttached: () => seen.attached++,
    onDetached: () => seen.detached++,
    onRefused: (code) => seen.refused.push(code),
    ...options,
  });
  link.open();
  return link;
}

const record = (processes: number) => log.event('resource.sample', 0, { processes });

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'link-'));
  gateway = new StubGateway();
  await new Promise((resolve) => gateway.server.once('listening', resolve));
  journal = openJournal(dir);
  time = new ServerTime(systemClock);
  log = new EventLog(journal, time, systemClock);
  seen = { attached: 0, detached: 0, refused: [], inputs: [] };
  link = null;
});

afterEach(async () => {
  await link?.close(100);
  await gateway.close();
  journal.close();
  rmSync(dir, { recursive: true, force: true });
});

describe('the link', () => {
  it('sends what was journalled before there was a gateway, then what happens, in order', async () => {
    record(1);
    record(2);
    dial();
    await vi.waitFor(() => expect(gateway.eventNumbers).toEqual([1, 2]), WITHIN);
    record(3);
    await vi.waitFor(() => expect(gateway.eventNumbers).toEqual([1, 2, 3]), WITHIN);
    expect(gateway.hellos[0]).toMatchObject({ token: 'secret', firstN: 1, lastN: 2, phase: 'ready' });
  });

  it('sends again exactly what was not acknowledged when the gateway was killed', async () => {
    dial();
    await vi.waitFor(() => expect(seen.attached).toBe(1), WITHIN);
    for (let i = 1; i <= 5; i++) record(i);
    await vi.waitFor(() => expect(gateway.eventNumbers).toHaveLength(5), WITHIN);
    gateway.send({ t: 'ack', n: 3 });
    await vi.waitFor(() => expect(log.firstN).toBe(4), WITHIN);
    gateway.messages.length = 0;
    gateway.answer = { t: 'attached', lastTerminal: 0, epoch: 2, ackedN: 4, serverNowMs: 2_000_000 };
    gateway.socket?.terminate();
    await vi.waitFor(() => expect(seen.detached).toBe(1), WITHIN);
    record(6);
    await vi.waitFor(() => expect(gateway.eventNumbers).toEqual([5, 6]), WITHIN);
    expect(gateway.hellos[1]).toMatchObject({ firstN: 4, lastN: 6 });
  });

  it('goes on behind what the recording has where the host lost the end of its journal, and says that something may be missing', async () => {
    record(1);
    record(2);
    journal.close();
    journal = openJournal(dir);
    log = new EventLog(journal, time, systemClock);
    record(3);
    gateway.answer = { t: 'attached', lastTerminal: 1, epoch: 2, ackedN: 7, serverNowMs: 1_000_000 };
    dial();
    await vi.waitFor(() => expect(gateway.eventNumbers).toEqual([8, 9, 10]), WITHIN);
    record(4);
    await vi.waitFor(() => expect(gateway.eventNumbers).toEqual([8, 9, 10, 11]), WITHIN);
    const events = gateway.messages.flatMap((message) => (message.t === 'event' ? [[message.type, message.stream, message.data]] : []));
    expect(events).toEqual([
      ['connection.gap', 0, { source: 'runner:one', from: 8, to: 8, reason: expect.stringContaining('host') }],
      ['terminal.closed', 1, { exitCode: null, signal: null }],
      ['resource.sample', 0, { processes: 3 }],
      ['resource.sample', 0, { processes: 4 }],
    ]);
    expect(log.state.lastTerminal).toBe(1);
  });

  it('stamps events with the server’s time, which never goes back', async () => {
    gateway.answer = { t: 'attached', lastTerminal: 0, epoch: 1, ackedN: 0, serverNowMs: 5_000_000_000_000 };
    dial();
    await vi.waitFor(() => expect(seen.attached).toBe(1), WITHIN);
    record(1);
    await vi.waitFor(() => expect(gateway.eventNumbers).toEqual([1]), WITHIN);
    gateway.answer = { t: 'attached', lastTerminal: 0, epoch: 2, ackedN: 0, serverNowMs: 4_999_999_990_000 };
    gateway.socket?.terminate();
    await vi.waitFor(() => expect(seen.attached).toBe(2), WITHIN);
    record(2);
    await vi.waitFor(() => expect(gateway.eventNumbers).toEqual([1, 1, 2]), WITHIN);
    const times = gateway.messages.flatMap((message) => (message.t === 'event' ? [message.atMs] : []));
    expect(times[0]).toBeGreaterThanOrEqual(5_000_000_000_000);
    expect(times[2]).toBeGreaterThanOrEqual(times[1] ?? 0);
  });

  it('answers that a result is too large where its JSON exceeds a frame, and stays', async () => {
    const dialled = dial();
    await vi.waitFor(() => expect(seen.attached).toBe(1), WITHIN);
    dialled.send({ t: 'answer', id: 'a', result: { text: '\u0001'.repeat(EDITOR_FILE_MAX_BYTES) } });
    dialled.send({ t: 'answer', id: 'b', result: { text: 'x'.repeat(EDITOR_FILE_MAX_BYTES) } });
    await vi.waitFor(() => expect(gateway.messages).toHaveLength(2), WITHIN);
    expect(gateway.messages).toMatchObject([
      { t: 'answer', id: 'a', error: { code: 'too_large' } },
      { t: 'answer', id: 'b', result: {} },
    ]);
    expect(seen.detached).toBe(0);
  });

  it('gives up when its token is refused', async () => {
    gateway.answer = { t: 'refused', error: { code: 'unauthenticated', message: 'revoked' } };
    dial();
    await vi.waitFor(() => expect(seen.refused).toEqual(['unauthenticated']), WITHIN);
    expect(gateway.hellos).toHaveLength(1);
  });

  it('keeps dialling when it is refused for now', async () => {
    gateway.answer = { t: 'refused', error: { code: 'unavailable', message: 'later' } };
    dial();
    await vi.waitFor(() => expect(gateway.hellos.length).toBeGreaterThan(1), WITHIN);
    gateway.answer = { t: 'attached', lastTerminal: 0, epoch: 1, ackedN: 0, serverNowMs: 1 };
    await vi.waitFor(() => expect(seen.attached).toBe(1), WITHIN);
  });

  it('hands on input frames, and survives frames that are none', async () => {
    dial();
    await vi.waitFor(() => expect(seen.attached).toBe(1), WITHIN);
    gateway.socket?.send(Buffer.from([9, 9, 9]));
    gateway.socket?.send('not json');
    gateway.socket?.send('{"t":"unknown"}');
    gateway.socket?.send(
      encodeForwardedInput({ tab: 'b5a1c0de-0000-4000-8000-000000000001', terminal: 1, n: 7, more: false, bytes: Buffer.from('x') }),
    );
    await vi.waitFor(() => expect(seen.inputs).toEqual([7]), WITHIN);
  });

  it('drops a gateway that holds the socket open and says nothing, within fifteen seconds', async () => {
    const clock = new FakeClock();
    dial({ clock });
    await vi.waitFor(() => expect(seen.attached).toBe(1), WITHIN);
    const socket = gateway.socket;
    // The stub never answers the ping, like a host that has gone to sleep.
    for (let second = 0; second < 15 && seen.detached === 0; second++) {
      clock.advance(1_000);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(gateway.messages.some((message) => message.t === 'ping')).toBe(true);
    await vi.waitFor(() => expect(seen.detached).toBe(1), WITHIN);
    clock.advance(10_000);
    await vi.waitFor(() => expect(gateway.socket).not.toBe(socket), WITHIN);
  });
});
