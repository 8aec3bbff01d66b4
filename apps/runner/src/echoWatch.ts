import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Clock } from '@plumbline/core';
import type { Logger } from 'pino';

/**
 * Tells whether a terminal echoes what is typed, so that a password is recorded as a length. Node cannot read terminal
 * attributes, so a small Python process does; typing never waits for it longer than `ANSWER_WITHIN_MS`.
 */

/** Far above what the helper needs (0.5 ms), so that only a machine out of breath comes near; a person hardly feels it. */
const ANSWER_WITHIN_MS = 100;
/** Until its first answer, the helper may be starting. */
const FIRST_ANSWER_WITHIN_MS = 2_000;
/** A helper that leaves so many questions in a row unanswered is replaced, and nothing waits for it meanwhile. */
const MISSES_MAX = 3;
const RESTART_AFTER_MS = 1_000;

export type EchoState = 'echo' | 'raw' | 'hidden';

const STATES: Readonly<Record<string, EchoState>> = { e: 'echo', r: 'raw', h: 'hidden' };

interface Question {
  readonly path: string;
  answer(state: EchoState): void;
}

export class EchoWatch {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #child: ChildProcess | null = null;
  #closed = false;
  #rest = '';
  #hasAnswered = false;
  #misses = 0;
  #nextId = 1;
  readonly #questions = new Map<number, Question>();
  readonly #lastKnown = new Map<string, EchoState>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
    this.#start();
  }

  /**
   * How the terminal at `path` (/dev/pts/N) treats input now. Without an answer in time it is what was last known, which
   * after the first output of a shell is seldom nothing; then it counts as not hidden.
   */
  ask(path: string): Promise<EchoState> {
    const stdin = this.#child?.stdin;
    if (!stdin?.writable) return Promise.resolve(this.#lastKnown.get(path) ?? 'raw');
    return new Promise((resolve) => {
      const id = this.#nextId++;
      const timer = this.#clock.setTimer(this.#hasAnswered ? ANSWER_WITHIN_MS : FIRST_ANSWER_WITHIN_MS, () => {
        this.#missed();
        resolve(this.#lastKnown.get(path) ?? 'raw');
      });
      this.#questions.set(id, {
        path,
        answer: (state) => {
          timer.cancel();
          resolve(state);
        },
      });
      stdin.write(`${id} ${path}\n`);
    });
  }

  /** The terminal is gone; its name may be used again by another one. */
  forget(path: string): void {
    this.#lastKnown.delete(path);
  }

  close(): void {
    this.#closed = true;
    this.#child?.kill('SIGKILL');
    this.#child = null;
  }

  #missed(): void {
    this.#misses += 1;
    if (this.#misses < MISSES_MAX) return;
    this.#misses = 0;
    this.#logger.warn('the echo watch does not answer');
    this.#child?.kill('SIGKILL');
  }

  #start(): void {
    const child = spawn('python3', ['-I', '-S', '-B', fileURLToPath(new URL('./echo_watch.py', import.meta.url))], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
    });
    this.#child = child;
    this.#rest = '';
    this.#hasAnswered = false;
    // Ended by the close of its standard input when the runner is killed.
    child.stdin.on('error', () => {});
    child.stdout.on('data', (data: Buffer) => this.#receive(data.toString('latin1')));
    const ended = (error?: Error) => {
      if (this.#child !== child) return;
      this.#child = null;
      this.#questions.clear();
      if (this.#closed) return;
      this.#logger.warn({ err: error }, 'the echo watch ended; it is started again');
      this.#clock.setTimer(RESTART_AFTER_MS, () => {
        if (!this.#closed) this.#start();
      });
    };
    child.on('error', ended);
    child.on('exit', () => ended());
  }

  #receive(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    this.#hasAnswered = true;
    this.#misses = 0;
    for (const line of lines) {
      const [id, flag] = line.split(' ');
      const question = this.#questions.get(Number(id));
      if (question === undefined) continue;
      this.#questions.delete(Number(id));
      const state = STATES[flag ?? ''] ?? this.#lastKnown.get(question.path) ?? 'raw';
      this.#lastKnown.set(question.path, state);
      question.answer(state);
    }
  }
}
