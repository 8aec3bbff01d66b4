import type { ClockView } from '@plumbline/protocol';
import { describe, expect, it } from 'vitest';
import { ClockDisplay, warningAt } from './clockDisplay.ts';
import { SteppedTime } from './steppedTime.fixture.ts';

const VIEW: ClockView = {
  n: 3,
  state: 'running',
  elapsedMs: 1_000,
  remainingMs: 600_000,
  limitMs: 601_000,
  running: true,
  serverNowMs: 50_000,
  pausesLeft: 2,
  pauseLeftMs: 60_000,
};

describe('the clock on the screen', () => {
  it('runs down by its own monotonic time, also through one late tick', async () => {
    const time = new SteppedTime();
    const clock = new ClockDisplay(time);
    clock.receive(VIEW);
    await time.step(120_000);
    expect(clock.remainingMs()).toBe(480_000);
    expect(clock.elapsedMs()).toBe(121_000);
    expect(clock.serverNowMs()).toBe(170_000);
  });

  it('stands while paused, and pause time runs instead', async () => {
    const time = new SteppedTime();
    const clock = new ClockDisplay(time);
    clock.receive({ ...VIEW, state: 'paused', running: false });
    await time.step(10_000);
    expect(clock.remainingMs()).toBe(600_000);
    expect(clock.pauseLeftMs()).toBe(50_000);
  });

  it('passes over a stale word and never shows less than nothing', async () => {
    const time = new SteppedTime();
    const clock = new ClockDisplay(time);
    clock.receive(VIEW);
    expect(clock.receive({ ...VIEW, n: 2, remainingMs: 1 })).toBe(false);
    expect(clock.remainingMs()).toBe(600_000);
    await time.step(700_000);
    expect(clock.remainingMs()).toBe(0);
  });

  it('takes a status only while the state is the same', () => {
    const clock = new ClockDisplay(new SteppedTime());
    clock.receive(VIEW);
    const status = {
      state: 'running',
      elapsedMs: 5,
      remainingMs: 10,
      limitMs: 15,
      pausesLeft: 1,
      pauseLeftMs: 1,
      scoreVisible: true,
      recordingStalled: false,
    };
    clock.refresh({ ...status, state: 'paused' });
    expect(clock.remainingMs()).toBe(600_000);
    clock.refresh(status);
    expect(clock.remainingMs()).toBe(10);
  });

  it('warns at 60, 15 and 5 minutes', () => {
    expect([61, 60, 15, 4].map((minutes) => warningAt(minutes * 60_000))).toEqual([null, 3_600_000, 900_000, 300_000]);
  });
});
