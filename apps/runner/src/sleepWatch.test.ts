import { FakeClock } from '@plumbline/testing/fakeClock';
import { describe, expect, it } from 'vitest';
import { ServerTime } from './serverTime.ts';
import { watchSleep } from './sleepWatch.ts';

describe('sleep', () => {
  it('is noticed once, with its length, and moves the server’s time along', () => {
    const clock = new FakeClock();
    let sleptMs = 0;
    const slept: number[] = [];
    const time = new ServerTime(clock);
    const stop = watchSleep(
      clock,
      (ms) => {
        slept.push(ms);
        time.skip(ms);
      },
      () => clock.monoMs() + sleptMs,
    );
    const startMs = time.nowMs();
    clock.advance(30_000);
    sleptMs = 600_000;
    clock.advance(30_000);
    expect(slept).toEqual([600_000]);
    expect(time.nowMs() - startMs).toBe(660_000);
    stop();
  });

  it('is not a busy machine, nor a wall clock that somebody sets', () => {
    const clock = new FakeClock();
    let lateMs = 0;
    const slept: number[] = [];
    const time = new ServerTime(clock);
    const stop = watchSleep(
      clock,
      (ms) => slept.push(ms),
      () => clock.monoMs() + lateMs,
    );
    lateMs = 3_000;
    clock.advance(10_000);
    const before = time.nowMs();
    clock.jumpWall(-3_600_000);
    clock.advance(1_000);
    expect(slept).toEqual([]);
    expect(time.nowMs() - before).toBe(1_000);
    stop();
  });
});
