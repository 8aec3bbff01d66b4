import type { Clock } from '@plumbline/core';

/**
 * Maps the runner's clocks to the server's. Between attaches time advances by the monotonic clock, so a wall clock that
 * somebody sets during an attempt moves no event; what this source stamps never goes back.
 */
export class ServerTime {
  readonly #clock: Clock;
  #offsetMs: number;
  #lastMs: number;

  /** `notBeforeMs`: the newest time that this source has already stamped, from its journal. */
  constructor(clock: Clock, notBeforeMs = 0) {
    this.#clock = clock;
    this.#offsetMs = clock.nowMs() - clock.monoMs();
    this.#lastMs = notBeforeMs;
  }

  /** Takes over the server's time as measured now. Its error is at most the time that the message was under way. */
  synchronise(serverNowMs: number): void {
    this.#offsetMs = serverNowMs - this.#clock.monoMs();
  }

  /** The host slept for `sleptMs`, which the monotonic clock did not count. */
  skip(sleptMs: number): void {
    this.#offsetMs += sleptMs;
  }

  /** Server time now, in milliseconds, never less than an earlier answer. */
  nowMs(): number {
    const measuredMs = Math.round((this.#clock.monoMs() + this.#offsetMs) * 1000) / 1000;
    this.#lastMs = Math.max(this.#lastMs, measuredMs);
    return this.#lastMs;
  }
}
