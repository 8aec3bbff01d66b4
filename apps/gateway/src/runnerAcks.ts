import type { Clock, Timer } from '@plumbline/core';
import { RUNNER_UNACKNOWLEDGED_MAX_BYTES } from '@plumbline/protocol';

/** What a runner keeps in its journal may stay there for a second longer. */
const ACK_EVERY_MS = 1_000;
/** A runner that has sent so much is told at once: it reads no more output when it keeps the most that it may. */
const ACK_AFTER_BYTES = RUNNER_UNACKNOWLEDGED_MAX_BYTES / 16;

/**
 * Tells a runner how far its journal is in the recording: at once after a quiet second or much output, and else once in a second.
 * One for each batch woke each of fifty runners four times a second.
 */
export class RunnerAcks {
  readonly #send: (n: number) => void;
  readonly #setTimer: Clock['setTimer'];
  #told = 0;
  #durable = 0;
  #bytes = 0;
  #timer: Timer | null = null;

  constructor(send: (n: number) => void, setTimer: Clock['setTimer']) {
    this.#send = send;
    this.#setTimer = setTimer;
  }

  /** A runner called, and was told that its journal is durable up to `n`. */
  startAt(n: number): void {
    this.stop();
    this.#told = n;
    this.#durable = n;
    this.#bytes = 0;
  }

  /** So many bytes came from it. */
  received(bytes: number): void {
    this.#bytes += bytes;
  }

  /** The recording holds its entries up to `n`. */
  durable(n: number): void {
    this.#durable = n;
    if (this.#timer === null || this.#bytes >= ACK_AFTER_BYTES) this.#tell();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #tell(): void {
    this.stop();
    if (this.#durable === this.#told) return;
    this.#told = this.#durable;
    this.#bytes = 0;
    this.#send(this.#told);
    this.#timer = this.#setTimer(ACK_EVERY_MS, () => {
      this.#timer = null;
      this.#tell();
    });
  }
}
