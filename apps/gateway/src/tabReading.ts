/** The part of a socket that stops reading: what is not read waits in the network, and at last in the sender. */
export interface ReadSocket {
  pause(): void;
  resume(): void;
}

/** Why nothing more of a tab is read for now. */
type Reason = 'pace' | 'share' | 'requests' | 'input' | 'events';

const WINDOW_MS = 250;
/**
 * What comes faster is read later. A fast typist with focus events stays under 100 messages a second, and a file that goes up, a paste
 * of 5 MB, or all that a tab kept while it was away come as fast as this lets them.
 */
const WINDOW_MESSAGES_MAX = 500;
const WINDOW_BYTES_MAX = 8 * 1024 * 1024;
/** Of its input or its events that the recording does not have yet. A page holds 5.25 MiB of input at most. */
const UNACKNOWLEDGED_MAX_BYTES = 16 * 1024 * 1024;
/** What a message costs beside its bytes. */
const MESSAGE_BYTES = 64;

/**
 * Decides when a tab is read: no faster than a share that no person meets, and no further while too much of what it said is still
 * under way. Nothing is refused or lost; a tab that floods waits, and the others do not.
 */
export class TabReading {
  readonly #socket: ReadSocket;
  readonly #reasons = new Set<Reason>();
  readonly #unacknowledged = { input: new Unacknowledged(), events: new Unacknowledged() };
  #windowStartMs = performance.now();
  #windowMessages = 0;
  #windowBytes = 0;

  constructor(socket: ReadSocket) {
    this.#socket = socket;
  }

  /** Whether the tab's silence is this end's own. */
  get held(): boolean {
    return this.#reasons.size > 0;
  }

  /** One message has come. What was read along with it still comes, so this may be called while the tab is held. */
  came(bytes: number): void {
    const sinceMs = performance.now() - this.#windowStartMs;
    if (sinceMs > WINDOW_MS) {
      this.#windowStartMs += sinceMs;
      this.#windowMessages = 0;
      this.#windowBytes = 0;
    }
    this.#windowMessages += 1;
    this.#windowBytes += bytes;
    if (this.#windowMessages < WINDOW_MESSAGES_MAX && this.#windowBytes < WINDOW_BYTES_MAX) return;
    if (this.#reasons.has('pace')) return;
    this.hold('pace', true);
    setTimeout(() => this.hold('pace', false), Math.max(1, WINDOW_MS - sinceMs)).unref();
  }

  hold(reason: Reason, wanted: boolean): void {
    const before = this.held;
    if (wanted) this.#reasons.add(reason);
    else this.#reasons.delete(reason);
    if (this.held === before) return;
    if (before) this.#socket.resume();
    else this.#socket.pause();
  }

  /** Number `n` was passed on, and is held until `durable` says otherwise. */
  passedOn(kind: 'input' | 'events', n: number, bytes: number): void {
    this.#unacknowledged[kind].add(n, bytes + MESSAGE_BYTES);
    this.#weigh(kind);
  }

  /** The recording has everything up to these numbers. */
  durable(marks: { input: number; events: number }): void {
    for (const kind of ['input', 'events'] as const) {
      this.#unacknowledged[kind].drop(marks[kind]);
      this.#weigh(kind);
    }
  }

  /** What it said to a runner or a recorder that is gone comes again, if it is not durable: it must be read to be heard. */
  startAnew(): void {
    for (const kind of ['input', 'events'] as const) {
      this.#unacknowledged[kind].drop(Number.POSITIVE_INFINITY);
      this.#weigh(kind);
    }
  }

  #weigh(kind: 'input' | 'events'): void {
    this.hold(kind, this.#unacknowledged[kind].bytes > UNACKNOWLEDGED_MAX_BYTES);
  }
}

/** Numbered messages in the order of their coming. One that came again is let go with those before it. */
class Unacknowledged {
  readonly #queue: { n: number; bytes: number }[] = [];
  bytes = 0;

  add(n: number, bytes: number): void {
    this.#queue.push({ n, bytes });
    this.bytes += bytes;
  }

  drop(upTo: number): void {
    let count = 0;
    for (const { n, bytes } of this.#queue) {
      if (n > upTo) break;
      this.bytes -= bytes;
      count += 1;
    }
    this.#queue.splice(0, count);
  }
}
