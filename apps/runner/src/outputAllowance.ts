import type { Clock, Timer } from '@plumbline/core';
import { OUTPUT_FREE_BYTES, OUTPUT_SLOW_BYTES_PER_SECOND } from '@plumbline/protocol';

export interface OutputAllowanceOptions {
  readonly clock: Clock;
  /** So much output of an attempt is read as fast as it comes. */
  readonly freeBytes?: number;
  /** And so much of what comes after it. */
  readonly slowBytesPerSecond?: number;
}

/**
 * How fast the terminals of an attempt are read. Everything that they put out is recorded, so a program that floods for hours would fill
 * the platform's disks; beyond a measure that no work comes near, it waits for its terminal instead, as on a slow line.
 */
export class OutputAllowance {
  readonly #clock: Clock;
  readonly #freeBytes: number;
  readonly #slowBytesPerSecond: number;
  readonly #listeners = new Set<() => void>();
  #bytes = 0;
  #isBased = false;
  /** Bytes that were read before their time came. */
  #debtBytes = 0;
  #paid: Timer | null = null;

  constructor({ clock, freeBytes = OUTPUT_FREE_BYTES, slowBytesPerSecond = OUTPUT_SLOW_BYTES_PER_SECOND }: OutputAllowanceOptions) {
    this.#clock = clock;
    this.#freeBytes = freeBytes;
    this.#slowBytesPerSecond = slowBytesPerSecond;
  }

  /** Whether the attempt has put out more than is read at once. */
  get limited(): boolean {
    return this.#bytes > this.#freeBytes;
  }

  /** Whether nothing should be read now. */
  get spent(): boolean {
    return this.#paid !== null;
  }

  /** The gateway says how much was recorded of the attempt before this runner: counted once. */
  recordedBefore(bytes: number): void {
    if (this.#isBased) return;
    this.#isBased = true;
    this.#count(bytes);
  }

  took(bytes: number): void {
    this.#count(bytes);
    if (!this.limited) return;
    this.#debtBytes += bytes;
    if (this.#paid === null) this.#payLater();
  }

  /** Called once it is limited, and whenever reading may go on. */
  onChanged(listener: () => void): void {
    this.#listeners.add(listener);
  }

  #payLater(): void {
    const owedBytes = this.#debtBytes;
    this.#paid = this.#clock.setTimer((owedBytes / this.#slowBytesPerSecond) * 1_000, () => {
      this.#paid = null;
      this.#debtBytes -= owedBytes;
      // Other terminals were still heard meanwhile.
      if (this.#debtBytes > 0) this.#payLater();
      else this.#tell();
    });
  }

  #count(bytes: number): void {
    const wasLimited = this.limited;
    this.#bytes += bytes;
    if (this.limited !== wasLimited) this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
