import { WARNINGS_MS } from '@plumbline/core';
import type { AttemptStatus, ClockView } from '@plumbline/protocol';
import type { BrowserTime } from './browserTime.ts';

/**
 * What the clock shows between two words from the server: the remaining time at receipt, less the browser's own
 * monotonic time since. It decides nothing; a stale word (a lower number) is passed over.
 */
export class ClockDisplay {
  private readonly time: BrowserTime;
  private view: ClockView | null = null;
  private receivedMonoMs = 0;

  constructor(time: BrowserTime) {
    this.time = time;
  }

  /** Takes the server's word; false when a newer one is known already. */
  receive(view: ClockView): boolean {
    if (this.view && view.n < this.view.n) return false;
    this.view = view;
    this.receivedMonoMs = this.time.monoMs();
    return true;
  }

  /** Takes the answer to `status`, which carries no number: the times alone, while the state is the one that is known. */
  refresh(status: AttemptStatus): void {
    if (!this.view || status.state !== this.view.state) return;
    this.receive({
      ...this.view,
      serverNowMs: this.serverNowMs(),
      elapsedMs: status.elapsedMs,
      remainingMs: status.remainingMs,
      limitMs: status.limitMs,
      pausesLeft: status.pausesLeft,
      pauseLeftMs: status.pauseLeftMs,
    });
  }

  get current(): ClockView | null {
    return this.view;
  }

  /** Milliseconds left to work, as far as this browser can tell. */
  remainingMs(): number {
    if (!this.view) return 0;
    const sinceMs = this.view.running ? this.time.monoMs() - this.receivedMonoMs : 0;
    return Math.max(0, this.view.remainingMs - sinceMs);
  }

  elapsedMs(): number {
    if (!this.view) return 0;
    return this.view.elapsedMs + (this.view.running ? this.time.monoMs() - this.receivedMonoMs : 0);
  }

  /** What the server's clock shows now, as far as this browser can tell: milliseconds since the epoch. */
  serverNowMs(): number {
    return this.view ? this.view.serverNowMs + (this.time.monoMs() - this.receivedMonoMs) : this.time.wallMs();
  }

  /** Milliseconds of pause left, which run down while paused. */
  pauseLeftMs(): number {
    if (!this.view) return 0;
    const sinceMs = this.view.state === 'paused' ? this.time.monoMs() - this.receivedMonoMs : 0;
    return Math.max(0, this.view.pauseLeftMs - sinceMs);
  }
}

/** The nearest warning that is due at this remaining time; null while there is more than the first. */
export function warningAt(remainingMs: number): number | null {
  return WARNINGS_MS.filter((warning) => remainingMs <= warning).at(-1) ?? null;
}
