import { performance } from 'node:perf_hooks';
import type { Clock } from '@plumbline/core';

/** Time as the machine has it. The only clock outside tests; logic takes it as an argument. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monoMs: () => performance.now(),
  setTimer(delayMs, fn) {
    const timeout = setTimeout(fn, delayMs);
    return { cancel: () => clearTimeout(timeout) };
  },
};
