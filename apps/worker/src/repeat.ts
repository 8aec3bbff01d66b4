import type { Clock, Timer } from '@plumbline/core';

/** After failures the next round waits twice as long each time, up to this. */
const MAX_WAIT_MS = 5_000;

export interface Repetition {
  /** Ends it, and resolves when the round under way has finished. */
  stop(): Promise<void>;
}

/** Runs `round` again and again, `everyMs` after the one before has ended; more rarely while it fails (false, or a throw). */
export function repeat(clock: Clock, everyMs: number, round: () => Promise<boolean>): Repetition {
  let timer: Timer | null = null;
  let current: Promise<void> = Promise.resolve();
  let stopped = false;
  let failures = 0;
  const run = async (): Promise<void> => {
    const worked = await round().catch(() => false);
    failures = worked ? 0 : failures + 1;
    if (!stopped) timer = clock.setTimer(Math.min(MAX_WAIT_MS, everyMs * 2 ** failures), start);
  };
  const start = (): void => {
    current = run();
  };
  start();
  return {
    async stop() {
      stopped = true;
      timer?.cancel();
      await current;
    },
  };
}
