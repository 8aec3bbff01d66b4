import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  CLOSE_CODES,
  decodeForwardedInput,
  decodeOutputFrame,
  encodeInputFrame,
  encodeRunnerFrame,
  PROTOCOL_VERSION,
} from '@plumbline/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { GatewayRig, type RiggedRunner, type RiggedTab } from './gateway.fixture.ts';

const MEGABYTE = 1024 * 1024;
/** Ends what hangs: tabs have a quarter of the processor's time with what they send, so that much of it takes long on a slow machine. */
const READ_WITHIN_MS = 120_000;
const TERMINAL = { terminal: 1, name: 'Terminal 1', cols: 80, rows: 24, open: true, exitCode: null };

interface Call {
  id: string;
  act: string;
}

let rig: GatewayRig;
beforeAll(async () => {
  rig = await GatewayRig.start();
});
afterAll(() => rig.stop());
afterEach(() => vi.useRealTimers());

/** An attempt with a sandbox that echoes what is typed into its one terminal, journals it, and keeps every call for the test to answer. */
class EchoingSandbox {
  readonly calls: Call[] = [];
  readonly inputBytes = new Map<string, number>();
  readonly #runner: RiggedRunner;
  #n = 0;
  #offset = 0;

  private constructor(runner: RiggedRunner) {
    this.#runner = runner;
    runner.socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (isBinary) return this.#typed(data);
      const message = JSON.parse(String(data)) as Call & { t: string };
      if (message.t !== 'call') return;
      if (message.act === 'restore') this.answer(message, { ...TERMINAL, offset: this.#offset, screen: '' });
      this.calls.push(message);
    });
  }

  static async of(attemptId: string): Promise<EchoingSandbox> {
    return new EchoingSandbox(await rig.runner(attemptId, { terminals: [TERMINAL] }));
  }

  answer({ id }: Call, result: unknown): void {
    this.#runner.send({ t: 'answer', id, result });
  }

  callsOf(act: string): Call[] {
    return this.calls.filter((call) => call.act === act);
  }

  #typed(data: Buffer): void {
    const input = decodeForwardedInput(data);
    if (input === null) return;
    const { tab, terminal, bytes } = input;
    this.inputBytes.set(tab, (this.inputBytes.get(tab) ?? 0) + bytes.length);
    const typed = { atMs: 1, terminal, bytes: Buffer.from(bytes) };
    this.#n += 1;
    const how = { hidden: false, paste: false, length: bytes.length };
    this.#runner.socket.send(encodeRunnerFrame({ kind: 'input', n: this.#n, tab, inputN: input.n, ...typed, ...how }));
    this.#n += 1;
    this.#runner.socket.send(encodeRunnerFrame({ kind: 'output', n: this.#n, offset: this.#offset, ...typed }));
    this.#offset += bytes.length;
  }
}

const type = (tab: RiggedTab, n: number, bytes: Uint8Array | string) =>
  tab.socket.send(encodeInputFrame({ terminal: 1, n, more: false, bytes: Buffer.from(bytes) }));

/** A tab of the same attempt, or of another, that types one key after another and waits for each to be shown. */
async function echoes(tab: RiggedTab, keys: number): Promise<void> {
  tab.send({ t: 'attach', terminal: 1 });
  await tab.next('restore');
  for (let n = 1; n <= keys; n++) {
    const shown = new Promise<void>((resolve) => {
      const look = (data: Buffer, isBinary: boolean) => {
        if (!isBinary || !String(decodeOutputFrame(data)?.bytes).includes(`<${n}>`)) return;
        tab.socket.off('message', look);
        resolve();
      };
      tab.socket.on('message', look);
    });
    type(tab, n, `<${n}>`);
    await shown;
  }
}

const request = (id: number, act: string, args: unknown = {}) => ({ t: 'request' as const, id: String(id), act, args });

/** Answers every file that is asked for, as it is asked for, until the tab has so many replies. */
async function answerAll(sandbox: EchoingSandbox, tab: RiggedTab, replies: number): Promise<void> {
  let answered = 0;
  const answer = () => {
    for (const call of sandbox.callsOf('file.create').slice(answered)) sandbox.answer(call, {});
    answered = sandbox.callsOf('file.create').length;
    return tab.told.filter(({ t }) => t === 'reply').length;
  };
  await expect.poll(answer, { interval: 1, timeout: READ_WITHIN_MS }).toBe(replies);
}

describe('a tab that reads nothing', () => {
  it('is let go once 32 MiB wait for it, while another keeps its echo, and comes back to a fresh screen', async () => {
    const attempt = await rig.attempt();
    const sandbox = await EchoingSandbox.of(attempt.attemptId);
    // Who reads nothing answers nothing: on a slow machine it would be taken for dead before so much waits for it.
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const honest = await rig.tab(attempt);
    const deaf = await rig.tab(attempt);
    deaf.socket.pause();
    for (let id = 1; id <= 32; id++) deaf.send(request(id, 'file.read', { path: 'large.txt' }));
    await expect.poll(() => sandbox.callsOf('file.read').length).toBe(32);
    const file = { text: 'x'.repeat(2 * MEGABYTE), hash: '', size: 2 * MEGABYTE, partial: false };
    for (const call of sandbox.callsOf('file.read')) sandbox.answer(call, file);
    await echoes(honest, 20);
    const closed = new Promise<number>((resolve) => deaf.socket.once('close', resolve));
    const codes = async () =>
      (await rig.recorded(attempt.attemptId)).flatMap((event) => (event.type === 'connection.detached' ? [event.data.code] : []));
    await expect.poll(codes).toEqual([CLOSE_CODES.too_far_behind]);
    deaf.socket.resume();
    await closed;
    const again = await rig.tab(attempt, { tab: deaf.id });
    again.send({ t: 'attach', terminal: 1 });
    expect((await again.next('restore')).offset).toBeGreaterThan(0);
  });
});

describe('a tab that asks without end', () => {
  it('has 32 requests under way and the others waiting, all answered in the end, and no other tab waits for them', async () => {
    const attempt = await rig.attempt();
    const sandbox = await EchoingSandbox.of(attempt.attemptId);
    const honest = await rig.tab(attempt);
    const greedy = await rig.tab(attempt);
    const total = 3_000;
    for (let id = 1; id <= total; id++) greedy.send(request(id, 'file.create', { path: `file-${id}`, kind: 'file' }));
    await echoes(honest, 20);
    expect(sandbox.callsOf('file.create')).toHaveLength(32);
    await answerAll(sandbox, greedy, total);
    const order = sandbox.callsOf('file.create').map((call) => (call as unknown as { args: { path: string } }).args.path);
    expect(order).toEqual(Array.from({ length: total }, (_, i) => `file-${i + 1}`));
  });

  it('is not taken for dead while it is not read', async () => {
    const attempt = await rig.attempt();
    const sandbox = await EchoingSandbox.of(attempt.attemptId);
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const greedy = await rig.tab(attempt);
    for (let id = 1; id <= 2_000; id++) greedy.send(request(id, 'file.create', { path: `file-${id}`, kind: 'file' }));
    await expect.poll(() => sandbox.callsOf('file.create').length).toBe(32);
    vi.advanceTimersByTime(60_000);
    await answerAll(sandbox, greedy, 2_000);
    expect(greedy.socket.readyState).toBe(greedy.socket.OPEN);
  });

  it('for the same screen gets it at a bounded pace', async () => {
    const attempt = await rig.attempt();
    const sandbox = await EchoingSandbox.of(attempt.attemptId);
    const honest = await rig.tab(attempt);
    const greedy = await rig.tab(attempt);
    const beganMs = performance.now();
    for (let n = 0; n < 5_000; n++) greedy.send({ t: 'attach', terminal: 1 });
    await echoes(honest, 20);
    // What it asked last of all is answered when everything before it was read.
    greedy.send(request(1, 'status'));
    await greedy.next('reply');
    await greedy.next('restore');
    // Two in 20 ms, however long it takes to read all that was asked. A timer may be a millisecond early.
    const mostByNow = 2 * (1 + (performance.now() - beganMs) / 19);
    const ofHonest = 1;
    expect(sandbox.callsOf('restore').length).toBeLessThanOrEqual(mostByNow + ofHonest);
  });
});

it('a tab and a runner whose links are half open are let go within 15 s', async () => {
  const attempt = await rig.attempt();
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  const runner = await rig.runner(attempt.attemptId, { terminals: [TERMINAL] });
  const deaf = await rig.tab(attempt);
  const seeing = await rig.tab(attempt);
  deaf.socket.pause();
  runner.socket.pause();
  for (const stepMs of [5_000, 4_999, 4_998]) {
    vi.advanceTimersByTime(stepMs);
    seeing.send({ t: 'ping', monoMs: stepMs });
    await seeing.next('pong', ({ monoMs }) => monoMs === stepMs);
  }
  await seeing.next('sandbox', ({ state }) => state === 'away');
  const left = async () =>
    (await rig.recorded(attempt.attemptId)).flatMap(({ type, data }) => (type === 'connection.detached' ? [data.tab] : []));
  await expect.poll(left).toEqual(['runner:one', deaf.id]);
  expect(seeing.socket.readyState).toBe(seeing.socket.OPEN);
});

it('an attempt is open in 32 tabs and no more: the next is told why, those there are go on, and one that leaves makes room', async () => {
  const attempt = await rig.attempt();
  await EchoingSandbox.of(attempt.attemptId);
  const tabs: RiggedTab[] = [];
  for (let n = 0; n < 32; n++) tabs.push(await rig.tab(attempt));
  const next = await rig.browser(attempt);
  const [code, reason] = await once(next, 'close');
  expect([code, String(reason)]).toEqual([CLOSE_CODES.too_many_tabs, expect.stringContaining('open in 32 tabs')]);
  await echoes(tabs[0] as RiggedTab, 5);
  tabs[1]?.socket.close();
  const left = async () =>
    (await rig.recorded(attempt.attemptId)).flatMap(({ type, data }) => (type === 'connection.detached' ? [data.tab] : []));
  await expect.poll(left).toEqual([tabs[1]?.id]);
  await rig.tab(attempt);
});

describe('a tab that types without end', () => {
  it('loses nothing, and another keeps its echo', async () => {
    const attempt = await rig.attempt();
    const other = await rig.attempt();
    const sandbox = await EchoingSandbox.of(attempt.attemptId);
    await EchoingSandbox.of(other.attemptId);
    const honest = await rig.tab(other);
    const flooding = await rig.tab(attempt);
    const frame = Buffer.alloc(MEGABYTE / 4, 'x');
    const total = 24 * MEGABYTE;
    for (let n = 1; n <= total / frame.length; n++) type(flooding, n, frame);
    await echoes(honest, 20);
    await expect.poll(() => sandbox.inputBytes.get(flooding.id), { timeout: READ_WITHIN_MS }).toBe(total);
    expect(flooding.socket.readyState).toBe(flooding.socket.OPEN);
  });

  it('into a sandbox that is lost before it journals anything is read again once another is there', async () => {
    const attempt = await rig.attempt();
    const lost = await rig.runner(attempt.attemptId);
    let takenBytes = 0;
    lost.socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (isBinary) takenBytes += data.length;
    });
    const tab = await rig.tab(attempt);
    const frame = Buffer.alloc(MEGABYTE, 'x');
    for (let n = 1; n <= 20; n++) type(tab, n, frame);
    tab.says(1);
    // From here on nothing more of it is read, until somebody has what it typed.
    await expect.poll(() => takenBytes, { timeout: READ_WITHIN_MS }).toBeGreaterThan(16 * MEGABYTE);
    await rig.runner(attempt.attemptId, { incarnation: 'two' });
    await tab.durable(1);
    expect(tab.socket.readyState).toBe(tab.socket.OPEN);
  });
});

it('tabs whose messages take long to read wait, all of their attempt, and those of another attempt do not', async () => {
  const [attempt, other] = [await rig.attempt(), await rig.attempt()];
  // Nobody's wait ends before it was looked at, and what takes long takes long on any machine.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  const usage = process.threadCpuUsage.bind(process);
  const tenTimesSlower = vi.spyOn(process, 'threadCpuUsage').mockImplementation((before) => {
    const { user, system } = usage(before);
    return before === undefined ? { user, system } : { user: 10 * user, system: 10 * system };
  });
  try {
    await rig.runner(attempt.attemptId);
    await rig.runner(other.attemptId);
    const [slow, beside, elsewhere] = [await rig.tab(attempt), await rig.tab(attempt), await rig.tab(other)];
    // A list of objects that is never closed: no message, and what takes long is to find that out.
    slow.socket.send(`[${'{},'.repeat(1_300_000)}`);
    await slow.next('error');
    for (const tab of [slow, beside]) tab.send({ t: 'ping', monoMs: 1 });
    for (let n = 1; n <= 20; n++) {
      elsewhere.send({ t: 'ping', monoMs: n });
      await elsewhere.next('pong', ({ monoMs }) => monoMs === n);
    }
    const answered = (tab: RiggedTab) => tab.told.some(({ t }) => t === 'pong');
    expect([slow, beside].map(answered)).toEqual([false, false]);
    vi.runOnlyPendingTimers();
    await Promise.all([slow.next('pong'), beside.next('pong')]);
  } finally {
    tenTimesSlower.mockRestore();
  }
});

it('whoever sends much before it has said who it is is not read', async () => {
  const attempt = await rig.attempt();
  const socket = await rig.browser(attempt);
  await once(socket, 'open');
  const hello = { t: 'hello', protocol: PROTOCOL_VERSION, tab: randomUUID(), firstEventN: 1, firstInputN: 1 };
  socket.send(JSON.stringify({ ...hello, more: 'x'.repeat(4_096) }));
  const [code, reason] = await once(socket, 'close');
  expect([code, String(reason)]).toEqual([CLOSE_CODES.bad_frame, 'the first message must be hello']);
});

it('a frame that is too large ends its socket with the limit in words, and no other', async () => {
  const attempt = await rig.attempt();
  await rig.runner(attempt.attemptId);
  const [tab, other] = [await rig.tab(attempt), await rig.tab(attempt)];
  const closed = new Promise((resolve) => tab.socket.once('close', (code, reason) => resolve([code, reason.toString()])));
  tab.socket.send('x'.repeat(4 * MEGABYTE + 1));
  expect(await closed).toEqual([1009, 'A message was larger than 4 MiB, which is the most that is taken at once.']);
  other.says(1);
  await other.durable(1);
});
