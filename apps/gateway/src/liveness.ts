import { PING_AFTER_MS } from '@plumbline/protocol';

/** Two pings without an answer, and time for a busy page to give one; with the look it stays below the 15 s that people are promised. */
const GONE_AFTER_MS = 13_000;
const LOOK_EVERY_MS = 1_000;
/** A look that comes this much too late means that this process stood still: what was said meanwhile is not read yet. */
const STOOD_STILL_FROM_MS = 3_000;

/**
 * Whether the other end of a link is still there, which a half-open socket never says: pings it every `PING_AFTER_MS`, and tells of
 * it once when nothing at all was heard for longer than any answer takes.
 */
export class Liveness {
  readonly #timer: NodeJS.Timeout;
  readonly #link: { ping(): void; gone(): void };
  #lastHeardMs = performance.now();
  #lastLookMs = performance.now();
  #lastPingMs = performance.now();

  constructor(link: { ping(): void; gone(): void }) {
    this.#link = link;
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  /** Something came, or this end reads nothing for now, and hears it later. */
  heard(): void {
    this.#lastHeardMs = performance.now();
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const nowMs = performance.now();
    if (nowMs - this.#lastLookMs > LOOK_EVERY_MS + STOOD_STILL_FROM_MS) this.#lastHeardMs = nowMs;
    this.#lastLookMs = nowMs;
    if (nowMs - this.#lastHeardMs >= GONE_AFTER_MS) return this.#link.gone();
    if (nowMs - this.#lastPingMs < PING_AFTER_MS) return;
    this.#lastPingMs = nowMs;
    this.#link.ping();
  }
}
