import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LinkHeartbeat } from './linkHeartbeat.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A database that takes heartbeats, or refuses or holds them, and says when each came. */
function aDatabase() {
  const beatsMs: number[] = [];
  const said: string[] = [];
  const database = { answer: (): Promise<void> => Promise.resolve(), beatsMs, said };
  const log = pino({ base: null, timestamp: false }, { write: (line: string) => void said.push(JSON.parse(line).msg) });
  const heartbeat = new LinkHeartbeat(() => {
    beatsMs.push(performance.now());
    return database.answer();
  }, log);
  return { database, heartbeat };
}

const gapsMs = (beatsMs: number[]) => beatsMs.slice(1).map((ms, i) => Math.round(ms - (beatsMs[i] as number)));

test('links are renewed each second, however long the database takes for it', async () => {
  const { database, heartbeat } = aDatabase();
  database.answer = () => new Promise((resolve) => setTimeout(resolve, 300));
  await vi.advanceTimersByTimeAsync(4_500);
  expect(gapsMs(database.beatsMs)).toEqual([1_000, 1_000, 1_000]);
  expect(database.said).toEqual([]);
  heartbeat.stop();
});

test('a database that comes back is found within a fifth of a second, and its absence is logged once', async () => {
  const { database, heartbeat } = aDatabase();
  await vi.advanceTimersByTimeAsync(1_000);
  database.answer = () => Promise.reject(new Error('starting up'));
  await vi.advanceTimersByTimeAsync(3_050);
  database.answer = () => Promise.resolve();
  const backMs = performance.now();
  await vi.advanceTimersByTimeAsync(2_000);
  expect((database.beatsMs.find((ms) => ms >= backMs) ?? Number.POSITIVE_INFINITY) - backMs).toBeLessThanOrEqual(200);
  expect(gapsMs(database.beatsMs).slice(-1)).toEqual([1_000]);
  expect(database.said).toEqual([
    'the database takes no heartbeats; the time until it does is given back',
    'the database takes heartbeats again',
  ]);
  heartbeat.stop();
});

test('one that waits for the database is followed by no crowd of others, and by none after the end', async () => {
  const { database, heartbeat } = aDatabase();
  let refuse: (error: Error) => void = () => {};
  database.answer = () =>
    new Promise((_, reject) => {
      refuse = reject;
    });
  await vi.advanceTimersByTimeAsync(30_000);
  expect(database.beatsMs).toHaveLength(1);
  refuse(new Error('the connection ended'));
  await vi.advanceTimersByTimeAsync(0);
  expect(database.beatsMs).toHaveLength(2);
  heartbeat.stop();
  refuse(new Error('the connection ended'));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(database.beatsMs).toHaveLength(2);
});
