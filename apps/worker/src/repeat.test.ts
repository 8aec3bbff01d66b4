import { FakeClock } from '@plumbline/testing';
import { expect, test } from 'vitest';
import { repeat } from './repeat.ts';

/** Lets what was resolved run on. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('rounds follow one another, and more rarely while they fail', async () => {
  const clock = new FakeClock();
  let rounds = 0;
  let works = true;
  const repetition = repeat(clock, 1_000, async () => {
    rounds += 1;
    if (!works) throw new Error('the database is away');
    return true;
  });
  const after = async (ms: number): Promise<number> => {
    await settle();
    clock.advance(ms);
    await settle();
    return rounds;
  };
  expect(rounds).toBe(1);
  expect(await after(1_000)).toBe(2);
  works = false;
  expect(await after(1_000)).toBe(3);
  expect(await after(1_000)).toBe(3);
  expect(await after(1_000)).toBe(4);
  for (let i = 0; i < 10; i++) await after(5_000);
  works = true;
  const before = rounds;
  expect(await after(5_000)).toBe(before + 1);
  expect(await after(1_000)).toBe(before + 2);
  await repetition.stop();
  expect(await after(60_000)).toBe(before + 2);
});

test('stopping waits for the round under way', async () => {
  const clock = new FakeClock();
  let finish = (): void => {};
  let finished = false;
  const repetition = repeat(clock, 1_000, async () => {
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    finished = true;
    return true;
  });
  const stopped = repetition.stop();
  finish();
  await stopped;
  expect(finished).toBe(true);
  expect(clock.timers).toBe(0);
});
