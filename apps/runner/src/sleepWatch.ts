import { readFileSync } from 'node:fs';
import type { Clock, Timer } from '@plumbline/core';

/** Noticing that the host slept: the clock that counts sleep and the one that does not have parted. */

const CHECK_EVERY_MS = 1_000;
/** Less is a busy machine, not a sleeping one. */
const SLEPT_AT_LEAST_MS = 5_000;

/**
 * Milliseconds since boot, sleep included. A wall clock that somebody sets does not move it, which is why the wall clock
 * only stands in where there is none.
 */
export function sinceBootMs(clock: Clock): number {
  try {
    const seconds = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
    if (Number.isFinite(seconds)) return seconds * 1000;
  } catch {
    // Not Linux.
  }
  return clock.nowMs();
}

/** Calls `onSlept` with the length of each sleep, shortly after it. Returns how to stop. */
export function watchSleep(clock: Clock, onSlept: (sleptMs: number) => void, bootMs: () => number = () => sinceBootMs(clock)): () => void {
  let gapMs = bootMs() - clock.monoMs();
  let timer: Timer;
  const check = () => {
    const nowGapMs = bootMs() - clock.monoMs();
    const sleptMs = nowGapMs - gapMs;
    gapMs = nowGapMs;
    if (sleptMs > SLEPT_AT_LEAST_MS) onSlept(sleptMs);
    timer = clock.setTimer(CHECK_EVERY_MS, check);
  };
  timer = clock.setTimer(CHECK_EVERY_MS, check);
  return () => timer.cancel();
}
