import type { BrowserTime } from './browserTime.ts';

/** Time that stands still until a test moves it: timers run in order, each at its own moment. */
export class SteppedTime implements BrowserTime {
  private nowMs = 1_000;
  private wallOffsetMs = 0;
  private timers: { atMs: number; fn: () => void }[] = [];

  monoMs(): number {
    return this.nowMs;
  }

  wallMs(): number {
    return this.nowMs + this.wallOffsetMs;
  }

  after(delayMs: number, fn: () => void): () => void {
    const timer = { atMs: this.nowMs + delayMs, fn };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }

  /** Moves on, running each timer that falls due, and lets promises settle in between. */
  async step(byMs: number): Promise<void> {
    const endMs = this.nowMs + byMs;
    for (;;) {
      await settle();
      const next = this.timers.filter((timer) => timer.atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!next) break;
      this.timers = this.timers.filter((timer) => timer !== next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.fn();
    }
    this.nowMs = endMs;
    await settle();
  }

  /** The machine slept: the wall clock went on, timers did not. */
  sleep(forMs: number): void {
    this.wallOffsetMs += forMs;
  }
}

/** Lets what was promised by now happen. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}
