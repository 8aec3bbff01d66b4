import type { Clock, Timer } from '@plumbline/core';

const STALLED_AFTER_MS = 1_000;

/** Tells that nothing has become durable for a second though something waits, and that it does again. */
export class StallWatch {
  private readonly setTimer: Clock['setTimer'];
  private readonly isWaiting: () => boolean;
  private readonly onStalled: (stalled: boolean) => void;
  private timer: Timer | null = null;
  private stalled = false;

  constructor(setTimer: Clock['setTimer'], isWaiting: () => boolean, onStalled: (stalled: boolean) => void) {
    this.setTimer = setTimer;
    this.isWaiting = isWaiting;
    this.onStalled = onStalled;
  }

  /** Something waits from now on. */
  begin(): void {
    if (this.timer !== null || this.stalled) return;
    this.timer = this.setTimer(STALLED_AFTER_MS, () => {
      this.timer = null;
      if (!this.isWaiting()) return;
      this.stalled = true;
      this.onStalled(true);
    });
  }

  /** Something became durable. */
  progressed(): void {
    this.close();
    const wasStalled = this.stalled;
    this.stalled = false;
    if (this.isWaiting()) this.begin();
    if (wasStalled) this.onStalled(false);
  }

  close(): void {
    this.timer?.cancel();
    this.timer = null;
  }
}
