import type { ChildProcess, SendHandle } from 'node:child_process';
import type { HandedUpgrade } from '@plumbline/protocol';

/** A process that takes nothing, because it stands still, leaves no more than these in the one before it, and none for longer. */
const WAITING_MAX = 256;
const WAIT_MAX_MS = 10_000;

/** Node's own object below a TCP socket. A socket that is paused reads on until its buffer is full; this stops at once. */
export interface TcpHandle {
  reading?: boolean;
  readStop(): number;
  close(): void;
}

/**
 * Sends sockets with their upgrade requests to another process. Node sends one at a time, and forgets those that wait behind it when
 * the other process ends; here they are closed then, so that who is at their other end tries again.
 */
export class HandleSender {
  readonly #channel: NodeJS.Process | ChildProcess;
  readonly #limits: { waitingMax: number; waitMaxMs: number };
  readonly #waiting = new Set<() => void>();

  /** @param channel `process` in a child, the child in its parent. */
  constructor(channel: NodeJS.Process | ChildProcess, { waitingMax = WAITING_MAX, waitMaxMs = WAIT_MAX_MS } = {}) {
    this.#channel = channel;
    this.#limits = { waitingMax, waitMaxMs };
    onChannelEnd(channel, () => {
      for (const close of [...this.#waiting]) close();
    });
  }

  get isOpen(): boolean {
    return this.#channel.connected === true;
  }

  get takesMore(): boolean {
    return this.isOpen && this.#waiting.size < this.#limits.waitingMax;
  }

  /**
   * Sends a socket that nothing reads from here any more.
   *
   * @param bytes What was read from it.
   * @param close Closes this process's descriptor: called once, when the other process's is on its way or cannot be sent.
   */
  send(handle: TcpHandle, bytes: Uint8Array, close: () => void): void {
    if (!this.takesMore) return close();
    const done = () => {
      if (!this.#waiting.delete(done)) return;
      clearTimeout(timer);
      close();
    };
    const timer = setTimeout(done, this.#limits.waitMaxMs);
    this.#waiting.add(done);
    const message: HandedUpgrade = { t: 'upgrade', bytes };
    // Not the socket itself: Node would keep its descriptor until the other process answers, and for good where that dies before.
    this.#channel.send?.(message, handle as unknown as SendHandle, {}, done);
  }
}

/** Node says `disconnect` of a process that was killed only where no socket was on the way to it. */
export function onChannelEnd(channel: NodeJS.Process | ChildProcess, ended: () => void): void {
  channel.once('disconnect', ended);
  channel.once('exit', ended);
}
