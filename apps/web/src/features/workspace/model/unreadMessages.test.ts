import type { AttemptMessage } from '@plumbline/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { UnreadMessages } from './unreadMessages.ts';

const message = (n: number, author: AttemptMessage['author'] = 'staff'): AttemptMessage => ({ n, author, name: 'A', text: 'x', atMs: n });

describe('the messages of the staff', () => {
  let kept: Map<string, string>;
  const page = (attemptId = 'a') =>
    new UnreadMessages(attemptId, { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) });

  beforeEach(() => {
    kept = new Map();
  });

  it('are told of once, and stay unread until they are looked at', () => {
    const one = page();
    expect(one.count([message(1), message(2, 'participant')])).toEqual({ unread: 1, untold: [message(1)] });
    expect(one.count([message(1), message(2, 'participant'), message(3)])).toEqual({ unread: 2, untold: [message(3)] });
    one.read([message(1), message(2, 'participant'), message(3)]);
    expect(one.count([message(1), message(3)])).toEqual({ unread: 0, untold: [] });
  });

  it('are still unread on the next page, which tells of them again, and read on every page once one was looked at', () => {
    page().count([message(1)]);
    const [next, beside] = [page(), page()];
    expect(next.count([message(1)])).toEqual({ unread: 1, untold: [message(1)] });
    beside.count([message(1)]);
    next.read([message(1)]);
    expect(beside.count([message(1), message(2)])).toEqual({ unread: 1, untold: [message(2)] });
    expect(page().count([message(1)])).toEqual({ unread: 0, untold: [] });
  });

  it('of one attempt say nothing of another', () => {
    page('a').read([message(5)]);
    expect(page('b').count([message(1)]).unread).toBe(1);
  });
});
