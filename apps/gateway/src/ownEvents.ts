import type { EventInput, EventType } from '@plumbline/protocol';
import type { AttemptRecorder } from '@plumbline/recording';

/** While nobody records; a sandbox that is away for long is told of by its clock. */
export const KEPT_MAX = 1_000;

/** What a gateway saw itself of an attempt: kept until there is a recorder. Its source is one epoch's alone. */
export class OwnEvents {
  readonly #nowMs: () => number;
  #kept: { type: EventType; data: unknown }[] = [];
  /** How many came that were not kept. */
  #lost = 0;
  #epoch = 0;
  #n = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** A recorder was opened on this epoch; what is kept waits for `recordKept`. */
  recorderOpened(epoch: number): void {
    this.#epoch = epoch;
    this.#n = 0;
  }

  record(recorder: AttemptRecorder | null, type: EventType, data: unknown): void {
    if (recorder === null) {
      if (this.#kept.length < KEPT_MAX) this.#kept.push({ type, data });
      else this.#lost += 1;
      return;
    }
    this.#n += 1;
    recorder.offer(`gateway:${this.#epoch}`, this.#n, { type, stream: 0, atMs: this.#nowMs(), data } as EventInput);
  }

  recordKept(recorder: AttemptRecorder | null): void {
    if (recorder === null) return;
    for (const { type, data } of this.#kept.splice(0)) this.record(recorder, type, data);
    if (this.#lost === 0) return;
    this.#n += this.#lost;
    this.#lost = 0;
    recorder.skip(`gateway:${this.#epoch}`, this.#n, 'more than a gateway keeps while nothing is recorded');
  }
}
