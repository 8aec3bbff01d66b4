import { isGpuBusy } from '@plumbline/core';
import { noteGpuBusy } from '@plumbline/database';
import type { EventData } from '@plumbline/protocol';
import type { LiveAttempt } from './liveAttempt.ts';

/** The flag that staff see counts hours, so that a note a minute is exact enough. */
const NOTE_EVERY_MS = 60_000;

/** Keeps when a GPU of the attempt was last at work, for the page on which staff see those that idle. */
export class GpuUse {
  readonly #attempt: LiveAttempt;
  #notedElapsedMs = Number.NEGATIVE_INFINITY;

  constructor(attempt: LiveAttempt) {
    this.#attempt = attempt;
  }

  sampled({ gpus }: EventData<'resource.sample'>): void {
    if (gpus === undefined || !isGpuBusy(gpus)) return;
    const { gateway, id, clock } = this.#attempt;
    const { elapsedMs } = clock.clockView();
    if (elapsedMs - this.#notedElapsedMs < NOTE_EVERY_MS) return;
    this.#notedElapsedMs = elapsedMs;
    noteGpuBusy(gateway.db, id, elapsedMs).catch((error) => {
      this.#notedElapsedMs = Number.NEGATIVE_INFINITY;
      gateway.log.warn({ attempt: id, error: String(error) }, 'the use of the GPUs could not be noted; the next sample tries again');
    });
  }
}
