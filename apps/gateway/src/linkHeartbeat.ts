import type { Logger } from 'pino';

/** A link's durable sign of life: an outage is counted from the last one, so it bounds what an expert could lose. */
const EVERY_MS = 1_000;
/** After one that was not taken: the outage ends with the first that is, so that this bounds by how much it is counted too long. */
const AGAIN_MS = 200;

/** Renews the signs of life of the links that are held, one after the other for as long as it runs, and the sooner while it fails. */
export class LinkHeartbeat {
  readonly #renew: () => Promise<void>;
  readonly #log: Pick<Logger, 'info' | 'warn'>;
  #timer: NodeJS.Timeout | null = null;
  #isTaken = true;

  /** `renew` rejects where the database takes none. */
  constructor(renew: () => Promise<void>, log: Pick<Logger, 'info' | 'warn'>) {
    this.#renew = renew;
    this.#log = log;
    this.#beatIn(EVERY_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #beatIn(delayMs: number): void {
    this.#timer = setTimeout(() => void this.#beat(), delayMs);
  }

  async #beat(): Promise<void> {
    const fromMs = performance.now();
    const error = await this.#renew().then(
      () => null,
      (reason: unknown) => reason,
    );
    const isTaken = error === null;
    if (isTaken && !this.#isTaken) this.#log.info('the database takes heartbeats again');
    if (!isTaken && this.#isTaken)
      this.#log.warn({ error: String(error) }, 'the database takes no heartbeats; the time until it does is given back');
    this.#isTaken = isTaken;
    if (this.#timer !== null) this.#beatIn(Math.max(0, fromMs + (isTaken ? EVERY_MS : AGAIN_MS) - performance.now()));
  }
}
