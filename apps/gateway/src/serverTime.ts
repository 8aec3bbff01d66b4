import { performance } from 'node:perf_hooks';

/** An answer that took no longer than twice this needs no better one. */
const GOOD_HALF_TRIP_MS = 5;
/**
 * The first answer to a new process comes over a connection that is made for it, which on a busy machine takes seconds, all of
 * them before the database looks at its clock.
 */
const SAMPLES_MAX = 8;

/**
 * The database's clock, as seen from this process: every figure of an attempt is computed on it, so that gateway,
 * worker and web agree although their hosts may not. Between measurements it runs on this process's monotonic clock,
 * which a change of the host's wall time does not move.
 */
export class ServerTime {
  readonly #measure: () => Promise<number>;
  readonly #monotonicMs: () => number;
  #offsetMs: number;
  #uncertaintyMs = Number.POSITIVE_INFINITY;

  /** `measure` answers the database's time in milliseconds since the epoch; `monotonicMs` goes on by itself, from anywhere. */
  constructor(measure: () => Promise<number>, monotonicMs: () => number = () => performance.now()) {
    this.#measure = measure;
    this.#monotonicMs = monotonicMs;
    this.#offsetMs = performance.timeOrigin;
  }

  /** Milliseconds since the epoch on the database's clock. */
  nowMs(): number {
    return this.#monotonicMs() + this.#offsetMs;
  }

  /**
   * Measures anew, several times where the answers are slow. A slow answer never replaces a better one, but each time that one
   * is trusted a little less. How far `nowMs` may be off is half the round trip of the best answer.
   */
  async refresh(): Promise<void> {
    // Clocks drift by well under 1 ms per refresh; the decay lets a changed clock win within minutes.
    this.#uncertaintyMs *= 1.5;
    for (let n = 0; n < SAMPLES_MAX; n++) {
      const sentMs = this.#monotonicMs();
      const databaseMs = await this.#measure();
      const halfTripMs = (this.#monotonicMs() - sentMs) / 2;
      if (halfTripMs <= this.#uncertaintyMs) {
        this.#uncertaintyMs = halfTripMs;
        this.#offsetMs = databaseMs - (sentMs + halfTripMs);
      }
      if (halfTripMs <= GOOD_HALF_TRIP_MS) return;
    }
  }
}

/**
 * Maps a source's monotonic clock to server time. The least difference seen between receipt and stamp belongs to the
 * fastest delivery, so it is the best estimate of the offset; times are never in the future, never run backwards, and never lie
 * before `notBeforeMs`: a source may claim any clock it likes.
 */
export class SourceTime {
  #offsetMs = Number.POSITIVE_INFINITY;
  #lastMs: number;

  constructor(notBeforeMs: number) {
    this.#lastMs = notBeforeMs;
  }

  observe(monoMs: number, serverNowMs: number): void {
    this.#offsetMs = Math.min(this.#offsetMs, serverNowMs - monoMs);
  }

  toServerMs(monoMs: number, serverNowMs: number): number {
    this.observe(monoMs, serverNowMs);
    this.#lastMs = Math.max(this.#lastMs, Math.min(serverNowMs, monoMs + this.#offsetMs));
    return this.#lastMs;
  }
}
