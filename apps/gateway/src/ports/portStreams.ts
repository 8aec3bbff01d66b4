import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { AppError } from '@plumbline/core';
import { createWebSocketStream, type WebSocket } from 'ws';

/** A runner dials as soon as the program in the sandbox has answered; frozen sandboxes answer never. */
const DIALLED_WITHIN_MS = 10_000;

/**
 * Streams that a runner was asked to dial. Each has a name of 128 random bits, which this gateway told that runner alone,
 * and is taken once.
 */
export class PortStreams {
  readonly #expected = new Map<string, (socket: WebSocket) => void>();

  expects(stream: string): boolean {
    return this.#expected.has(stream);
  }

  accept(stream: string, socket: WebSocket): void {
    const take = this.#expected.get(stream);
    if (take === undefined) return socket.close(1008, 'nobody waits for this stream');
    this.#expected.delete(stream);
    take(socket);
  }

  /** Has a stream dialled by `ask`, which gives its name to a runner. Rejects with what `ask` rejects with. */
  async dialled(ask: (stream: string) => Promise<unknown>): Promise<Duplex> {
    const stream = randomBytes(16).toString('hex');
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Duplex>((resolve, reject) => {
        this.#expected.set(stream, (socket) => resolve(createWebSocketStream(socket)));
        const late = 'The sandbox did not take the connection in time. Try again in a moment.';
        timer = setTimeout(() => reject(new AppError('sandbox_unavailable', late)), DIALLED_WITHIN_MS);
        ask(stream).catch(reject);
      });
    } finally {
      clearTimeout(timer);
      this.#expected.delete(stream);
    }
  }
}
