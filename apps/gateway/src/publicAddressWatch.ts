import http from 'node:http';
import https from 'node:https';
import { notePagesReached, notePagesUnreached } from '@plumbline/database';
import type { Gateway } from './gateway.ts';

const LOOK_EVERY_MS = 2_000;
/** While they do not answer, or it cannot be written that they do: so much is given back too much at the most, and what a look takes. */
const LOOK_AGAIN_MS = 500;
/** An answer that takes longer is of no use to a person either. */
const ANSWER_MAX_MS = 4_000;
const STILL_FROM_MS = 1_000;

/**
 * Asks the pages at their public address, on the way that experts take, whether they answer. A proxy or a web process that is away
 * takes pages from people whose sandboxes run on all the same: that time is given back, and no attempt runs out in it.
 */
export class PublicAddressWatch {
  readonly #gateway: Pick<Gateway, 'db' | 'log'>;
  readonly #url: URL;
  #wasReached = true;
  #timer: NodeJS.Timeout | null = null;

  constructor(gateway: Pick<Gateway, 'db' | 'log'>, publicUrl: string) {
    this.#gateway = gateway;
    this.#url = new URL('/api/reachable', publicUrl);
  }

  /** Looks from now on until `stop`; what starts together with these pages leaves them time to. */
  start(): void {
    this.#lookIn(LOOK_EVERY_MS);
  }

  #lookIn(delayMs: number): void {
    this.#timer = setTimeout(() => {
      void this.look()
        // The database is away: what was found is found again.
        .catch(() => false)
        .then((isReached) => this.#timer !== null && this.#lookIn(isReached ? LOOK_EVERY_MS : LOOK_AGAIN_MS));
    }, delayMs);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** One question, and what follows from its answer: whether they are reached. Rejects where the database is away. */
  async look(): Promise<boolean> {
    const { db, log } = this.#gateway;
    const stillness = new Stillness();
    let isReached = await this.#answers();
    const stoodStill = stillness.ends();
    // What was answered while this process stood still came too late here, and may have been in time.
    if (!isReached && stoodStill) isReached = await this.#answers();
    if (isReached !== this.#wasReached) {
      if (isReached) log.info({ url: this.#url.origin }, 'the pages are reached again at their public address');
      else log.warn({ url: this.#url.origin }, 'the pages cannot be reached at their public address');
    }
    this.#wasReached = isReached;
    if (!isReached) {
      await notePagesUnreached(db, this.#url.origin);
      return false;
    }
    const given = await notePagesReached(db, this.#url.origin);
    if (given.length > 0) log.warn({ attempts: given }, 'time in which the pages could not be reached was given back');
    return true;
  }

  /** By a connection of its own each time: one that is kept would tell of a proxy that takes no new ones any more. */
  #answers(): Promise<boolean> {
    const { get } = this.#url.protocol === 'https:' ? https : http;
    return new Promise((resolve) => {
      get(this.#url, { agent: false, signal: AbortSignal.timeout(ANSWER_MAX_MS) }, (response) => {
        response.resume();
        resolve(response.statusCode === 204);
      }).on('error', () => resolve(false));
    });
  }
}

/** Tells afterwards whether this process stood still for a while. */
class Stillness {
  #lastMs = performance.now();
  #longestMs = 0;
  readonly #timer = setInterval(() => this.#tick(), STILL_FROM_MS / 4);

  ends(): boolean {
    clearInterval(this.#timer);
    this.#tick();
    return this.#longestMs >= STILL_FROM_MS;
  }

  #tick(): void {
    const nowMs = performance.now();
    this.#longestMs = Math.max(this.#longestMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
  }
}
