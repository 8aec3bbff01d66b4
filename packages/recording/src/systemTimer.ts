import type { Clock } from '@plumbline/core';

/** The system's timers, for a recorder that is given none. */
export const setSystemTimer: Clock['setTimer'] = (delayMs, fn) => {
  const timeout = setTimeout(fn, delayMs);
  return { cancel: () => clearTimeout(timeout) };
};
