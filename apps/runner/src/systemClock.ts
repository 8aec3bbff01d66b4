import { performance } from 'node:perf_hooks';
import type { Clock } from '@plumbline/core';

/** The host's clocks. The monotonic one stands still while the host sleeps. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monoMs: () => performance.now(),
  setTimer(delayMs, fn) {
    const handle = setTimeout(fn, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};
