import { AppError } from '@plumbline/core';
import { CLOSE_CODES, PROTOCOL_VERSION } from '@plumbline/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { AttemptSocket, type SocketLike, type SocketState } from './attemptSocket.ts';
import { SteppedTime, settle } from './steppedTime.fixture.ts';

class FakeSocket implements SocketLike {
  binaryType = '';
  bufferedAmount = 0;
  onopen: SocketLike['onopen'] = null;
  onmessage: SocketLike['onmessage'] = null;
  onclose: SocketLike['onclose'] = null;
  onerror: SocketLike['onerror'] = null;
  sent: { t: string; [key: string]: unknown }[] = [];
  closed = false;

  send(data: string | Uint8Array<ArrayBuffer>): void {
    if (typeof data === 'string') this.sent.push(JSON.parse(data) as { t: string });
  }

  close(): void {
    this.closed = true;
  }

  say(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

const WELCOME = {
  t: 'welcome',
  version: '1',
  attemptId: 'a',
  title: 'T',
  clock: { n: 1, state: 'running', elapsedMs: 0, remainingMs: 1, limitMs: 1, running: true, serverNowMs: 0, pausesLeft: 1, pauseLeftMs: 1 },
  status: {
    state: 'running',
    elapsedMs: 0,
    remainingMs: 1,
    limitMs: 1,
    pausesLeft: 1,
    pauseLeftMs: 1,
    scoreVisible: true,
    recordingStalled: false,
  },
  terminals: [],
  scores: [],
  scoreScale: null,
  sandbox: 'attached',
  eventsDurable: 0,
  inputDurable: 0,
};

describe('the socket of an attempt', () => {
  let time: SteppedTime;
  let sockets: FakeSocket[];
  let tickets: string[];
  let states: SocketState['kind'][];
  let socket: AttemptSocket;
  let ticketError: AppError | null;

  const last = () => sockets.at(-1) as FakeSocket;
  const connect = async () => {
    await settle();
    last().onopen?.(undefined as never);
    last().say(WELCOME);
  };

  beforeEach(() => {
    time = new SteppedTime();
    sockets = [];
    tickets = [];
    states = [];
    ticketError = null;
    let count = 0;
    socket = new AttemptSocket({
      time,
      random: () => 0.5,
      getTicket: async () => {
        if (ticketError) throw ticketError;
        count += 1;
        return `ticket-${count}`;
      },
      open: (ticket) => {
        tickets.push(ticket);
        const made = new FakeSocket();
        sockets.push(made);
        return made;
      },
      hello: () => ({
        t: 'hello',
        protocol: PROTOCOL_VERSION,
        tab: '00000000-0000-4000-8000-000000000000',
        firstEventN: 1,
        firstInputN: 1,
      }),
    });
    socket.state.on((state) => states.push(state.kind));
    socket.start();
  });

  it('says hello first and takes a fresh ticket for each connection', async () => {
    await connect();
    expect(last().sent[0]?.t).toBe('hello');
    last().onclose?.({ code: 1006, reason: '' });
    expect(socket.current.kind).toBe('waiting');
    await time.step(1_000);
    await connect();
    expect(tickets).toEqual(['ticket-1', 'ticket-2']);
    expect(socket.isOpen).toBe(true);
  });

  it('waits longer after each failure, and shortly again only after a stable connection', async () => {
    const delays: number[] = [];
    socket.state.on((state) => {
      if (state.kind === 'waiting') delays.push(state.retryAtMonoMs - time.monoMs());
    });
    for (let failure = 0; failure < 3; failure += 1) {
      await connect();
      last().onclose?.({ code: 1006, reason: '' });
      await time.step(2_000);
    }
    expect(delays).toEqual([375, 750, 1500]);
    await connect();
    for (let answered = 0; answered < 6; answered += 1) {
      last().say({ t: 'ping', id: answered });
      await time.step(2_000);
    }
    last().onclose?.({ code: 1006, reason: '' });
    expect(delays.at(-1)).toBe(375);
  });

  it('comes back at once from a restarting server', async () => {
    await connect();
    last().onclose?.({ code: CLOSE_CODES.restarting, reason: '' });
    await time.step(130);
    expect(sockets).toHaveLength(2);
  });

  it('notices a link that is dead but open within 15 seconds', async () => {
    await connect();
    await time.step(15_000);
    expect(sockets[0]?.sent.some((message) => message.t === 'ping')).toBe(true);
    expect(sockets[0]?.closed).toBe(true);
    expect(states).toContain('waiting');
  });

  it('keeps a quiet link that answers its pings', async () => {
    await connect();
    for (let at = 0; at < 30; at += 1) {
      await time.step(1_000);
      const ping = last().sent.findLast((message) => message.t === 'ping');
      if (ping) last().say({ t: 'pong', monoMs: ping.monoMs, serverNowMs: 0 });
    }
    expect(sockets).toHaveLength(1);
    expect(socket.isOpen).toBe(true);
  });

  it('asks the link for an answer after sleep, and drops it only when none comes', async () => {
    await connect();
    let woke = 0;
    socket.woke.on(() => {
      woke += 1;
    });
    time.sleep(600_000);
    await time.step(2_000);
    expect(woke).toBe(1);
    last().say({ t: 'pong', monoMs: 0, serverNowMs: 0 });
    await time.step(3_100);
    expect(socket.isOpen).toBe(true);
    time.sleep(600_000);
    await time.step(6_000);
    expect(states).toContain('waiting');
  });

  it.each([CLOSE_CODES.forbidden, CLOSE_CODES.not_found, CLOSE_CODES.ended, CLOSE_CODES.outdated_client, CLOSE_CODES.too_many_tabs])(
    'stops with words at close code %i',
    async (code) => {
      await connect();
      last().onclose?.({ code, reason: '' });
      await time.step(60_000);
      expect(socket.current).toMatchObject({ kind: 'closed', code });
      expect((socket.current as { reason: string }).reason).not.toBe('');
      expect(sockets).toHaveLength(1);
    },
  );

  it('stops when a ticket is refused for good, and goes on trying while the server is away', async () => {
    await connect();
    ticketError = new AppError('unavailable', 'away');
    last().onclose?.({ code: 1006, reason: '' });
    await time.step(30_000);
    expect(['waiting', 'connecting']).toContain(socket.current.kind);
    ticketError = new AppError('forbidden', 'no longer yours');
    await time.step(30_000);
    expect(socket.current).toMatchObject({ kind: 'closed', reason: 'no longer yours' });
  });

  it('answers a request with its reply, an error with its code, and a lost link with unavailable', async () => {
    await connect();
    const good = socket.request('score', {});
    const bad = socket.request('pause', { reason: 'break' });
    const lost = socket.request('scores', {});
    const [first, second] = last().sent.filter((message) => message.t === 'request');
    last().say({ t: 'reply', id: second?.id, error: { code: 'conflict', message: 'a score runs' } });
    last().say({ t: 'reply', id: first?.id, result: { scoreId: 's', n: 1 } });
    expect(await good).toEqual({ scoreId: 's', n: 1 });
    await expect(bad).rejects.toMatchObject({ code: 'conflict', message: 'a score runs' });
    last().onclose?.({ code: 1006, reason: '' });
    await expect(lost).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('does not wait for ever for an answer', async () => {
    await connect();
    const asked = socket.request('scores', {}, 1_000);
    const outcome = expect(asked).rejects.toMatchObject({ code: 'unavailable' });
    await time.step(1_100);
    await outcome;
  });

  it('reconnects at once when the page comes back', async () => {
    await connect();
    last().onclose?.({ code: 1006, reason: '' });
    socket.wake();
    await settle();
    expect(sockets).toHaveLength(2);
  });

  it('leaves nothing behind when it stops', async () => {
    await connect();
    socket.stop();
    expect(last().closed).toBe(true);
    await time.step(60_000);
    expect(sockets).toHaveLength(1);
  });
});
