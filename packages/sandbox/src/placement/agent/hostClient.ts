import type { Duplex } from 'node:stream';
import { AppError } from '@plumbline/core';
import { HOST_REQUESTS, HostAnswer, type HostArgs, type HostRequestName, type HostResult, LINE_MAX_BYTES } from './hostRequests.ts';
import { lineSplitter } from './lines.ts';

/** The link broke, or the host did not answer in time: whether the request was carried out is not known. */
export class LinkLost extends Error {}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** Texts of a host may hold anything, and end up in terminals and logs. */
export function plainText(text: string, maxLength = 2_000): string {
  return text.replace(/[^\P{C}\n]/gu, ' ').slice(0, maxLength);
}

/** Asks a host's agent over one stream. Once the stream has ended it is of no use any more. */
export class HostClient {
  readonly #stream: Duplex;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #lost: LinkLost | null = null;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on(
      'data',
      lineSplitter(
        LINE_MAX_BYTES,
        (line) => this.#take(line),
        () => this.close('The host sent more than it may.'),
      ),
    );
    stream.once('close', () => this.close('The connection was closed.'));
    stream.once('end', () => this.close('The host’s agent ended.'));
    stream.on('error', (error: Error) => this.close(error.message));
  }

  get isLost(): boolean {
    return this.#lost !== null;
  }

  /**
   * @throws LinkLost where no answer came; AppError with the host's own code and message where it refused.
   */
  async ask<Name extends HostRequestName>(act: Name, args: HostArgs<Name>, timeoutMs: number): Promise<HostResult<Name>> {
    if (this.#lost !== null) throw this.#lost;
    const id = this.#nextId++;
    const result = await new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => {
        // An answer that is this late says that the link is dead, whatever the kernel still believes.
        this.close(`The host did not answer “${act}” within ${timeoutMs / 1000} s.`);
      }, timeoutMs);
      this.#pending.set(id, { resolve, reject, timer });
      this.#stream.write(`${JSON.stringify({ id, act, args })}\n`);
    });
    const parsed = HOST_REQUESTS[act].result.safeParse(result);
    if (!parsed.success) throw new AppError('unavailable', `The host gave no proper answer to “${act}”.`, { cause: parsed.error });
    return parsed.data as HostResult<Name>;
  }

  /** Ends the stream; everything that waits is told that the link is lost. Idempotent. */
  close(reason: string): void {
    if (this.#lost !== null) return;
    this.#lost = new LinkLost(reason);
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(this.#lost);
    }
    this.#pending.clear();
    this.#stream.destroy();
  }

  #take(line: string): void {
    let answer: ReturnType<typeof HostAnswer.parse>;
    try {
      answer = HostAnswer.parse(JSON.parse(line));
    } catch {
      this.close('The host did not speak as an agent does.');
      return;
    }
    const waiting = this.#pending.get(answer.id);
    if (waiting === undefined) return;
    this.#pending.delete(answer.id);
    clearTimeout(waiting.timer);
    if (answer.error === undefined) {
      waiting.resolve(answer.result);
    } else {
      const { code, message, detail } = answer.error;
      waiting.reject(new AppError(code, plainText(message), { cause: new Error(plainText(detail, 10_000)) }));
    }
  }
}
