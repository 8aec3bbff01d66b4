import { randomBytes } from 'node:crypto';
import type { Clock } from '@plumbline/core';
import type { EventLog } from './eventLog.ts';
import { type ShellMark, ShellMarks } from './shellMarks.ts';

/** The commands of one terminal, from what its shell says of them: one at a time, each started once and finished once. */
export class CommandLog {
  /** Given to the terminal's shell, so that its marks can be told from those of other programs. */
  readonly nonce = randomBytes(12).toString('hex');
  readonly #marks = new ShellMarks(this.nonce, (mark) => this.#take(mark));
  readonly #log: EventLog;
  readonly #clock: Clock;
  readonly #terminal: number;
  readonly #onRunning: (text: string | null) => void;
  #directory = '';
  #text: string | null = null;
  #startedMs: number | null = null;

  /** `onRunning` is told the text of a command that starts, where it has one, and null when it has ended. */
  constructor(terminal: number, log: EventLog, clock: Clock, onRunning: (text: string | null) => void) {
    this.#terminal = terminal;
    this.#log = log;
    this.#clock = clock;
    this.#onRunning = onRunning;
  }

  /** The terminal's output, in order, each byte once. */
  output(bytes: Uint8Array): void {
    this.#marks.push(bytes);
  }

  /** The terminal has closed: what ran has no exit code that anybody saw. */
  closed(): void {
    this.#finish(null);
  }

  #take(mark: ShellMark): void {
    switch (mark.kind) {
      case 'directory':
        this.#directory = mark.path;
        return;
      case 'text':
        this.#text = mark.text;
        return;
      case 'start':
        this.#finish(null);
        this.#log.event('command.started', this.#terminal, {
          ...(this.#text === null ? {} : { text: this.#text }),
          directory: this.#directory,
        });
        this.#onRunning(this.#text);
        this.#text = null;
        this.#startedMs = this.#clock.monoMs();
        return;
      case 'end':
        this.#finish(mark.exitCode);
    }
  }

  #finish(exitCode: number | null): void {
    if (this.#startedMs === null) return;
    const durationMs = Math.round((this.#clock.monoMs() - this.#startedMs) * 1000) / 1000;
    this.#startedMs = null;
    this.#onRunning(null);
    this.#log.event('command.finished', this.#terminal, { exitCode, durationMs });
  }
}
