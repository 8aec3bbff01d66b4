import { CLOSE_CODES } from '@plumbline/protocol';
import { expect, it } from 'vitest';
import type { SocketLike } from './attemptSocket.ts';
import { LeftOutboxes } from './leftOutboxes.ts';
import type { StoredEvent } from './outboxStore.ts';
import { SteppedTime } from './steppedTime.fixture.ts';

const TIMES = { elapsedMs: 0, remainingMs: 1, limitMs: 1, pausesLeft: 1, pauseLeftMs: 1 };
const WELCOME = {
  t: 'welcome',
  version: '1',
  attemptId: 'a',
  title: 'T',
  clock: { n: 1, state: 'running', running: true, serverNowMs: 0, ...TIMES },
  status: { state: 'running', scoreVisible: true, recordingStalled: false, ...TIMES },
  terminals: [],
  scores: [],
  scoreScale: null,
  sandbox: 'attached',
  inputDurable: 0,
};

const event = (tab: string, n: number): StoredEvent => ({
  tab,
  n,
  attemptId: 'a',
  type: 'focus.panel',
  monoMs: n,
  data: { tab, panel: 'files' },
});

/** A browser's database and locks, and a gateway that records what it is sent. */
function browser(events: StoredEvent[], { durable = 0, ended = false } = {}) {
  const time = new SteppedTime();
  let rows = events;
  const taken = new Set<string>();
  const recorded: string[] = [];
  const open = (): SocketLike => {
    let tab = '';
    const socket: SocketLike = {
      ...{ binaryType: '', bufferedAmount: 0, onopen: null, onmessage: null, onclose: null, onerror: null },
      close: () => {},
      send: (data) => {
        const message = JSON.parse(String(data)) as { t: string; tab: string; n: number; firstEventN: number };
        const say = (answer: object) => time.after(1, () => socket.onmessage?.({ data: JSON.stringify(answer) }));
        if (message.t === 'hello') {
          tab = message.tab;
          recorded.push(`${tab} from ${message.firstEventN}`);
          if (ended) time.after(1, () => socket.onclose?.({ code: CLOSE_CODES.ended, reason: '' }));
          else say({ ...WELCOME, eventsDurable: durable });
        } else if (message.t === 'event') {
          recorded.push(`${tab} ${message.n}`);
          say({ t: 'durable', events: message.n, input: 0 });
        }
      },
    };
    time.after(1, () => socket.onopen?.(undefined as never));
    return socket;
  };
  const page = () =>
    new LeftOutboxes({
      attemptId: 'a',
      time,
      store: {
        put: async () => {},
        load: async (tab) => rows.filter((row) => row.tab === tab),
        drop: async (tab, n) => {
          rows = rows.filter((row) => row.tab !== tab || row.n > n);
        },
        tabs: async (attemptId) => [...new Set(rows.filter((row) => row.attemptId === attemptId).map((row) => row.tab))],
      },
      claim: async (tab) => {
        if (taken.has(tab)) return null;
        taken.add(tab);
        return () => taken.delete(tab);
      },
      getTicket: async () => 'ticket',
      open,
    });
  /** A second, in steps that let everything that was asked for happen. */
  const pass = async () => {
    for (let steps = 0; steps < 100; steps += 1) await time.step(10);
  };
  return { page, time, pass, recorded, taken, left: () => rows.map(({ tab, n }) => `${tab} ${n}`) };
}

it('what a tab that is gone could not send is sent as that tab and under its numbers, once, and forgotten', async () => {
  const { page, pass, recorded, taken, left } = browser([event('gone', 4), event('gone', 5), event('here', 1)]);
  taken.add('here');
  const sent = [page().send(), page().send()];
  await pass();
  await Promise.all(sent);
  expect(recorded).toEqual(['gone from 4', 'gone 4', 'gone 5']);
  expect([left(), [...taken]]).toEqual([['here 1'], ['here']]);
});

it('what is in the recording already is not sent again, and what belongs to another attempt waits for it', async () => {
  const other = { ...event('other', 1), attemptId: 'b' };
  const { page, pass, recorded, left } = browser([event('gone', 4), event('gone', 5), other], { durable: 4 });
  const sent = page().send();
  await pass();
  await sent;
  expect([recorded, left()]).toEqual([['gone from 4', 'gone 5'], ['other 1']]);
});

it('nothing is kept for an attempt that has ended', async () => {
  const { page, pass, left, taken } = browser([event('gone', 4)], { ended: true });
  const sent = page().send();
  await pass();
  await sent;
  expect([left(), taken.size]).toEqual([[], 0]);
});

it('a page that is left lets the tab go, with what it holds', async () => {
  const { page, time, left, taken } = browser([event('gone', 4)]);
  const leaving = page();
  const sent = leaving.send();
  await time.step(0);
  leaving.stop();
  await sent;
  expect([left(), taken.size]).toEqual([['gone 4'], 0]);
});
