import type { Clock, Timer } from '@plumbline/core';

interface Waiting {
  dueMs: number;
  order: number;
  fn: () => void;
}

/** A clock that moves only when told. Timers fire in the order in which they are due, each at its own time. */
export class FakeClock implements Clock {
  #nowMs: number;
  #monoMs = 0;
  #order = 0;
  readonly #waiting = new Set<Waiting>();

  constructor(nowMs: number = Date.UTC(2026, 0, 5, 9, 0, 0)) {
    this.#nowMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monoMs(): number {
    return this.#monoMs;
  }

  setTimer(delayMs: number, fn: () => void): Timer {
    this.#order += 1;
    const waiting = { dueMs: this.#monoMs + Math.max(0, delayMs), order: this.#order, fn };
    this.#waiting.add(waiting);
    return { cancel: () => void this.#waiting.delete(waiting) };
  }

  /** How many timers are armed. */
  get timers(): number {
    return this.#waiting.size;
  }

  /** Moves both clocks forward and fires what becomes due, timers set by timers included. */
  advance(byMs: number): void {
    const endMs = this.#monoMs + byMs;
    for (;;) {
      const due = [...this.#waiting].filter((waiting) => waiting.dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];
      if (!due) break;
      this.#waiting.delete(due);
      this.#step(due.dueMs - this.#monoMs);
      due.fn();
    }
    this.#step(endMs - this.#monoMs);
  }

  /** The wall clock jumps, as when somebody sets it or a machine wakes; the monotonic one does not. */
  jumpWall(byMs: number): void {
    this.#nowMs += byMs;
  }

  #step(byMs: number): void {
    this.#nowMs += byMs;
    this.#monoMs += byMs;
  }
}
