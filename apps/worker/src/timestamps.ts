import { listUnstampedManifests, storeTimestamp } from '@plumbline/database';
import { timestampRequest } from '@plumbline/recording';
import type { Worker } from './worker.ts';

const ANSWER_TIMEOUT_MS = 5_000;
/** A token with the certificates of its authority has 3 to 10 KB. */
const REPLY_MAX_BYTES = 256 * 1024;
const PER_ROUND = 20;
/** After a failure the next try waits this long, and twice as long after each that follows it. */
const FIRST_WAIT_MS = 30_000;
const LONGEST_WAIT_MS = 3_600_000;

/** The authority gave no answer: no other manifest would get one now. */
class AuthorityAway extends Error {}

/** When something is tried again that has failed so often one after the other. */
interface Wait {
  failures: number;
  untilMs: number;
}

/** Asks the outside authority for the time-stamps that signed recordings do not have yet. Signing itself waits for none of it. */
export class Timestamps {
  readonly #worker: Worker;
  readonly #refused = new Map<string, Wait>();
  #away: Wait = { failures: 0, untilMs: Number.NEGATIVE_INFINITY };

  constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** One round: asks for what is due, one after the other. */
  async look(): Promise<void> {
    const { clock, db, timestampUrl } = this.#worker;
    const nowMs = clock.monoMs();
    if (timestampUrl === null || nowMs < this.#away.untilMs) return;
    const waiting = [...this.#refused].filter(([, { untilMs }]) => nowMs < untilMs).map(([id]) => id);
    for (const { attemptId, manifest } of await listUnstampedManifests(db, waiting, PER_ROUND)) {
      try {
        await this.#stamp(timestampUrl, attemptId, manifest);
        this.#refused.delete(attemptId);
      } catch (error) {
        if (this.#failed(attemptId, error)) return;
      }
    }
  }

  async #stamp(url: string, attemptId: string, manifest: string): Promise<void> {
    const { db, log } = this.#worker;
    const request = timestampRequest(manifest);
    const reply = await this.#ask(url, request.der);
    this.#away = { failures: 0, untilMs: Number.NEGATIVE_INFINITY };
    const { token, timestamp } = request.read(reply);
    if (await storeTimestamp(db, attemptId, manifest, token))
      log.info({ attempt: attemptId, ...timestamp }, 'a recording was time-stamped');
  }

  async #ask(url: string, body: Buffer<ArrayBuffer>): Promise<Buffer> {
    const given = new AbortController();
    const timer = this.#worker.clock.setTimer(ANSWER_TIMEOUT_MS, () => given.abort(new Error(`it took over ${ANSWER_TIMEOUT_MS} ms`)));
    try {
      const { signal } = given;
      const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/timestamp-query' }, body, signal });
      if (!response.ok || response.body === null) throw new Error(`it answered with ${response.status}`);
      const pieces: Uint8Array[] = [];
      let bytes = 0;
      for await (const piece of response.body) {
        bytes += piece.length;
        if (bytes > REPLY_MAX_BYTES) throw new Error('its answer is too long');
        pieces.push(piece);
      }
      return Buffer.concat(pieces);
    } catch (error) {
      throw new AuthorityAway(`The time-stamping authority does not answer: ${reasonOf(error)}`, { cause: error });
    } finally {
      timer.cancel();
    }
  }

  /** Whether the others must wait as well. */
  #failed(attemptId: string, error: unknown): boolean {
    const { clock, log } = this.#worker;
    const isAway = error instanceof AuthorityAway;
    const before = isAway ? this.#away : this.#refused.get(attemptId);
    const failures = (before?.failures ?? 0) + 1;
    const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 1));
    const wait: Wait = { failures, untilMs: clock.monoMs() + waitMs };
    if (isAway) this.#away = wait;
    else this.#refused.set(attemptId, wait);
    log.warn({ attempt: attemptId, error: String(error), waitMs }, 'a recording could not be time-stamped yet; it is tried again');
    return isAway;
  }
}

/** What `fetch` says of a connection stands in the cause alone. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  return cause === undefined ? String(error) : `${error} (${cause})`;
}
