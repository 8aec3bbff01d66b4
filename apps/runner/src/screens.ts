import { Worker } from 'node:worker_threads';
import type { ScreenText } from '@plumbline/screens';
import type { Logger } from 'pino';

/**
 * The screens of all terminals, kept by a worker thread, so that an attaching viewer gets one restore instead of the
 * whole history, and a replay finds a keyframe to start from.
 */

export type ToScreens =
  | { t: 'open'; id: number; cols: number; rows: number }
  | { t: 'write'; id: number; bytes: Uint8Array }
  | { t: 'resize'; id: number; cols: number; rows: number }
  | { t: 'keyframe'; id: number }
  | { t: 'restore'; id: number; question: number }
  | { t: 'dropScrollback'; id: number; question: number }
  | { t: 'close'; id: number };

export type FromScreens =
  | { t: 'parsed'; id: number; offset: number }
  /** The terminal's own answer to a query of the program. */
  | { t: 'reply'; id: number; bytes: Uint8Array }
  | { t: 'keyframe'; id: number; screen: KeyframeAnswer }
  | { t: 'restored'; id: number; question: number; screen: ScreenText | null }
  | { t: 'scrollbackDropped'; question: number };

/** Null: the screen is too large for one. `unfinished`: the program is in the middle of a control sequence. */
export type KeyframeAnswer = ScreenText | null | 'unfinished';

export interface ScreensOptions {
  readonly logger: Logger;
  readonly onReply: (id: number, bytes: Uint8Array) => void;
  readonly onKeyframe: (id: number, screen: KeyframeAnswer) => void;
  readonly onParsed: (id: number, offset: number) => void;
  /** The thread ended by itself; no screen can be restored any more. */
  readonly onFailed: (error: Error) => void;
}

export class Screens {
  readonly #worker: Worker;
  readonly #questions = new Map<number, (screen: ScreenText | null) => void>();
  #nextQuestion = 1;
  #closed = false;

  constructor(options: ScreensOptions) {
    this.#worker = new Worker(new URL('./screenWorker.ts', import.meta.url), { stdout: false, stderr: false });
    this.#worker.on('message', (message: FromScreens) => {
      switch (message.t) {
        case 'parsed':
          options.onParsed(message.id, message.offset);
          return;
        case 'reply':
          options.onReply(message.id, message.bytes);
          return;
        case 'keyframe':
          options.onKeyframe(message.id, message.screen);
          return;
        case 'restored':
          this.#answered(message.question, message.screen);
          return;
        case 'scrollbackDropped':
          this.#answered(message.question, null);
      }
    });
    this.#worker.on('error', (error) => {
      options.logger.error({ err: error }, 'the screen thread failed');
      this.#giveUp();
      options.onFailed(error as Error);
    });
  }

  open(id: number, cols: number, rows: number): void {
    this.#post({ t: 'open', id, cols, rows });
  }

  /** The bytes are copied. */
  write(id: number, bytes: Uint8Array): void {
    const copy = new Uint8Array(bytes);
    if (!this.#closed) this.#worker.postMessage({ t: 'write', id, bytes: copy } satisfies ToScreens, [copy.buffer]);
  }

  resize(id: number, cols: number, rows: number): void {
    this.#post({ t: 'resize', id, cols, rows });
  }

  /** Asks for a keyframe; the answer is that of the screen after all that was written so far. */
  requestKeyframe(id: number): void {
    this.#post({ t: 'keyframe', id });
  }

  /** The screen with its scrollback after all that was written so far; null for an unknown terminal. */
  restore(id: number): Promise<ScreenText | null> {
    return this.#ask('restore', id);
  }

  /** Forgets the lines above the screen; resolves once every keyframe that still had them has been told of. */
  async dropScrollback(id: number): Promise<void> {
    await this.#ask('dropScrollback', id);
  }

  close(id: number): void {
    this.#post({ t: 'close', id });
  }

  async dispose(): Promise<void> {
    this.#giveUp();
    await this.#worker.terminate();
  }

  #ask(t: 'restore' | 'dropScrollback', id: number): Promise<ScreenText | null> {
    if (this.#closed) return Promise.resolve(null);
    return new Promise((resolve) => {
      const question = this.#nextQuestion++;
      this.#questions.set(question, resolve);
      this.#post({ t, id, question });
    });
  }

  #answered(question: number, screen: ScreenText | null): void {
    this.#questions.get(question)?.(screen);
    this.#questions.delete(question);
  }

  #post(message: ToScreens): void {
    if (!this.#closed) this.#worker.postMessage(message);
  }

  #giveUp(): void {
    this.#closed = true;
    for (const resolve of this.#questions.values()) resolve(null);
    this.#questions.clear();
  }
}
