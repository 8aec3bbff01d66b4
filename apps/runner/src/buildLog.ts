import type { Clock, Timer } from '@plumbline/core';
import { BUILD_LOG_LINES, type RunnerToGateway } from '@plumbline/protocol';

/** So often the gateway is told of new lines. */
const TELL_EVERY_MS = 1_000;

type Message = Extract<RunnerToGateway, { t: 'buildLog' }>;

/** What the build of this attempt's environment printed, its newest lines, told to the gateway as it grows. */
export class BuildLog {
  readonly #clock: Clock;
  readonly #send: (message: Message) => boolean;
  readonly #lines: string[] = [];
  #added = 0;
  #told = 0;
  #timer: Timer | null = null;

  constructor(clock: Clock, send: (message: Message) => boolean) {
    this.#clock = clock;
    this.#send = send;
  }

  add(line: string): void {
    this.#lines.push(line);
    this.#added += 1;
    if (this.#lines.length > BUILD_LOG_LINES) this.#lines.shift();
    this.#timer ??= this.#clock.setTimer(TELL_EVERY_MS, () => this.tell());
  }

  /** Tells what is new, at once. */
  tell(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const count = Math.min(this.#added - this.#told, this.#lines.length);
    if (count === 0) return;
    if (this.#send({ t: 'buildLog', first: this.#added - count, lines: this.#lines.slice(-count) })) this.#told = this.#added;
  }

  /** Tells all that is kept: a gateway took the call, and what was sent to the one before it may be lost. */
  tellAgain(): void {
    this.#told = 0;
    this.tell();
  }
}
