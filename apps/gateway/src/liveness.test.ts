import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Liveness } from './liveness.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
afterEach(() => void vi.useRealTimers());

/** A link whose other end answers each ping while it is there. */
function link() {
  const told = { pings: 0, goneAtMs: [] as number[], isThere: true };
  const liveness = new Liveness({
    ping: () => {
      told.pings += 1;
      if (told.isThere) liveness.heard();
    },
    gone: () => {
      told.goneAtMs.push(performance.now());
      liveness.end();
    },
  });
  return { told, liveness };
}

it('an end that answers is there for as long as it answers', () => {
  const { told, liveness } = link();
  vi.advanceTimersByTime(3_600_000);
  expect(told).toMatchObject({ pings: 720, goneAtMs: [] });
  liveness.end();
});

it('an end that falls silent is found out within 15 s, whatever moment it was, and once', () => {
  for (let atMs = 0; atMs < 10_000; atMs += 250) {
    const { told } = link();
    vi.advanceTimersByTime(atMs);
    told.isThere = false;
    const silentSinceMs = performance.now();
    vi.advanceTimersByTime(60_000);
    expect(told.goneAtMs).toHaveLength(1);
    expect((told.goneAtMs[0] ?? 0) - silentSinceMs).toBeLessThan(15_000);
  }
});

it('a process that stood still asks before it judges, and still finds out who is gone', () => {
  const { told, liveness } = link();
  vi.advanceTimersByTime(4_000);
  const now = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => now() + 60_000);
  told.isThere = false;
  vi.advanceTimersByTime(1_000);
  expect(told.goneAtMs).toEqual([]);
  vi.advanceTimersByTime(14_000);
  expect(told.goneAtMs).toHaveLength(1);
  liveness.end();
  vi.restoreAllMocks();
});
