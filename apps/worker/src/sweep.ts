import { removeDeadRateLimits, removeDeadSessions, removeDeadTickets } from '@plumbline/database';
import { endPauses, endReady, serveDeadlines } from './clockCare.ts';
import { runSteps } from './steps.ts';
import type { Worker } from './worker.ts';

/** Rows that nothing reads any more are harmless, so they are removed rarely. */
const CLEAN_EVERY_MS = 60_000;

/** Looks after the clocks and what else no request and no job would: what a process that died left undone. */
export class Sweep {
  readonly #worker: Worker;
  #cleanedAtMs = Number.NEGATIVE_INFINITY;

  constructor(worker: Worker) {
    this.#worker = worker;
  }

  /**
   * One round.
   *
   * @returns whether every step worked.
   */
  run(): Promise<boolean> {
    const worker = this.#worker;
    const steps: [string, () => Promise<void>][] = [
      ['deadlines', () => serveDeadlines(worker)],
      ['pauses', () => endPauses(worker)],
      ['ready attempts', () => endReady(worker)],
    ];
    const nowMs = worker.clock.monoMs();
    if (nowMs - this.#cleanedAtMs >= CLEAN_EVERY_MS) steps.push(['old rows', () => this.#clean(nowMs)]);
    return runSteps(worker, steps);
  }

  async #clean(nowMs: number): Promise<void> {
    const { db } = this.#worker;
    await removeDeadTickets(db);
    await removeDeadSessions(db);
    await removeDeadRateLimits(db);
    this.#cleanedAtMs = nowMs;
  }
}
