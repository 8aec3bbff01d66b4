import { enqueue, listClosedRecordings } from '@plumbline/database';
import { finishRecording } from './finishRecording.ts';
import type { Worker } from './worker.ts';

const LINK_ALIVE_MS = 5_000;
/** One that cannot be finished, as its store is away or it is damaged, is tried again after this long. */
const AGAIN_AFTER_MS = 600_000;

/**
 * Finishes the recordings of attempts that were made void or left, once their runner was stopped: no gateway does, and what the
 * participant sealed would never be taken out of one that is not signed.
 */
export class ClosedRecordings {
  readonly #worker: Worker;
  readonly #notBeforeMs = new Map<string, number>();
  #underWay: Promise<void> = Promise.resolve();
  #busy = false;

  constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** Begins what is due, one after the other, and waits for none of it: an object store that is away would hold up all else. */
  async look(): Promise<void> {
    const { clock, db } = this.#worker;
    if (this.#busy) return;
    const nowMs = clock.monoMs();
    const due = (await listClosedRecordings(db, LINK_ALIVE_MS)).filter((id) => (this.#notBeforeMs.get(id) ?? nowMs) <= nowMs);
    if (due.length === 0) return;
    this.#busy = true;
    this.#underWay = this.#finish(due).finally(() => {
      this.#busy = false;
    });
  }

  /** Resolves when all that was begun is done. */
  settled(): Promise<void> {
    return this.#underWay;
  }

  async #finish(due: readonly string[]): Promise<void> {
    const { clock, db, log } = this.#worker;
    for (const id of due) {
      try {
        await finishRecording(this.#worker, id);
        await enqueue(db, 'index', { attemptId: id });
        this.#notBeforeMs.delete(id);
      } catch (error) {
        this.#notBeforeMs.set(id, clock.monoMs() + AGAIN_AFTER_MS);
        log.error({ attempt: id, error: String(error) }, 'the recording of a closed attempt could not be finished; it is tried again');
      }
    }
  }
}
