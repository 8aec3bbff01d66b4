import type { Clock } from '@plumbline/core';
import { isServerTrouble } from '@plumbline/database/serverTrouble';

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 1_000;

/** What must be done sooner or later, with a database that may be away. */
export class Retries {
  private readonly setTimer: Clock['setTimer'];
  private readonly onError: (error: unknown) => void;
  private readonly waits = new Set<() => void>();
  private closed = false;
  private withoutServer = 0;

  constructor(setTimer: Clock['setTimer'], onError: (error: unknown) => void) {
    this.setTimer = setTimer;
    this.onError = onError;
  }

  /** Something waits for the database itself: it is away, or has no room. What it refuses for its content is not that. */
  get waitsForServer(): boolean {
    return this.withoutServer > 0;
  }

  /** Tries until it works, with growing waits, or until this is closed. */
  async untilDone<T>(act: () => Promise<T>): Promise<T | 'closed'> {
    let waitMs = FIRST_RETRY_MS;
    let waits = false;
    try {
      for (;;) {
        if (this.closed) return 'closed';
        try {
          return await act();
        } catch (error) {
          this.onError(error);
          const isAway = isServerTrouble(error);
          if (isAway !== waits) this.withoutServer += isAway ? 1 : -1;
          waits = isAway;
        }
        await this.pauseFor(waitMs);
        waitMs = Math.min(waitMs * 2, LONGEST_RETRY_MS);
      }
    } finally {
      if (waits) this.withoutServer -= 1;
    }
  }

  /** Nothing is tried again; what is being tried is waited for by those who asked. */
  close(): void {
    this.closed = true;
    for (const wake of this.waits) wake();
  }

  private pauseFor(ms: number): Promise<void> {
    if (this.closed) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        timer.cancel();
        this.waits.delete(wake);
        resolve();
      };
      const timer = this.setTimer(ms, wake);
      this.waits.add(wake);
    });
  }
}
