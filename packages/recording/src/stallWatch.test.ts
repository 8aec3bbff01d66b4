import { FakeClock } from '@plumbline/testing/fakeClock';
import { expect, it } from 'vitest';
import { StallWatch } from './stallWatch.ts';

it('a stall is told after a second in which nothing became durable, and again where the rest of what waits stands still too', () => {
  const clock = new FakeClock();
  const told: boolean[] = [];
  let waiting = 2;
  const watch = new StallWatch(
    (delayMs, fn) => clock.setTimer(delayMs, fn),
    () => waiting > 0,
    (stalled) => told.push(stalled),
  );
  watch.begin();
  clock.advance(999);
  expect(told).toEqual([]);
  clock.advance(1);
  expect(told).toEqual([true]);
  waiting = 1;
  watch.progressed();
  expect(told).toEqual([true, false]);
  clock.advance(1_000);
  expect(told).toEqual([true, false, true]);
  waiting = 0;
  watch.progressed();
  clock.advance(60_000);
  expect([told, clock.timers]).toEqual([[true, false, true, false], 0]);
});
