import type { Clock, Timer } from '@plumbline/core';

/** A program that paints sends many small writes; they become one event if they come within this time. */
const GATHER_MS = 4;
const GATHER_BYTES = 32 * 1024;

/**
 * Joins chunks of output that follow each other closely. The first one after a silence or after input goes at once, so
 * that a keystroke's echo never waits.
 */
export class OutputCoalescer {
  readonly #clock: Clock;
  readonly #emit: (bytes: Uint8Array) => void;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #timer: Timer | null = null;
  #lastEmitMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, emit: (bytes: Uint8Array) => void) {
    this.#clock = clock;
    this.#emit = emit;
  }

  /** Input is about to be written: what comes next is likely its echo. */
  expectEcho(): void {
    this.flush();
    this.#lastEmitMs = Number.NEGATIVE_INFINITY;
  }

  push(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes >= GATHER_BYTES) {
      this.flush();
      return;
    }
    if (this.#timer !== null) return;
    if (this.#clock.monoMs() - this.#lastEmitMs >= GATHER_MS) {
      this.flush();
      return;
    }
    this.#timer = this.#clock.setTimer(GATHER_MS, () => this.flush());
  }

  /** Emits what is held, if anything. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#bytes === 0) return;
    const [only] = this.#chunks;
    const bytes = this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks, this.#bytes);
    this.#chunks = [];
    this.#bytes = 0;
    this.#lastEmitMs = this.#clock.monoMs();
    this.#emit(bytes);
  }
}
