import { pino } from 'pino';
import { afterEach, expect, test, vi } from 'vitest';
import { PublicAddressWatch } from './publicAddressWatch.ts';

afterEach(() => void vi.useRealTimers());

test('pages that are away, or of which nothing can be written, are looked for every half second, and others every two', async () => {
  vi.useFakeTimers();
  const db = null as never;
  const watch = new PublicAddressWatch({ db, log: pino({ level: 'silent' }) }, 'http://localhost');
  const atMs: number[] = [];
  let answer = () => Promise.resolve(true);
  vi.spyOn(watch, 'look').mockImplementation(() => {
    atMs.push(performance.now());
    return answer();
  });
  /** When it looked within a time from now. */
  const looksMs = async (withinMs: number) => {
    const fromMs = performance.now();
    await vi.advanceTimersByTimeAsync(withinMs);
    return atMs.filter((ms) => ms > fromMs).map((ms) => ms - fromMs);
  };
  watch.start();
  expect(await looksMs(6_000)).toEqual([2_000, 4_000, 6_000]);
  answer = () => Promise.resolve(false);
  expect(await looksMs(3_000)).toEqual([2_000, 2_500, 3_000]);
  answer = () => Promise.reject(new Error('the database is away'));
  expect(await looksMs(1_000)).toEqual([500, 1_000]);
  answer = () => Promise.resolve(true);
  expect(await looksMs(4_500)).toEqual([500, 2_500, 4_500]);
  watch.stop();
  expect(await looksMs(10_000)).toEqual([]);
});
