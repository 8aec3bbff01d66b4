import { removeDeadRateLimits, removeDeadSessions, removeDeadTickets } from '@plumbline/database';
import { endPauses, endReady, serveDeadlines } from './clockCare.ts';
import { RunnerCare } from './runnerCare.ts';
import type { Worker } from './worker.ts';

/** Rows that nothing reads any more are harmless, so they are removed rarely. */
const CLEAN_EVERY_MS = 60_000;

/**
 * Looks after everything that no request and no job would: what a process that died left undone. Each step does what is due and
 * may be repeated; a step that fails is logged, and the others run.
 */
export class Sweep {
  readonly #worker: Worker;
  readonly #runnerCare: RunnerCare;
  #cleanedAtMs = Number.NEGATIVE_INFINITY;

  constructor(worker: Worker) {
    this.#worker = worker;
    this.#runnerCare = new RunnerCare(worker);
  }

  /**
   * One round.
   *
   * @returns whether every step worked.
   */
  async run(): Promise<boolean> {
    const worker = this.#worker;
    const steps: [string, () => Promise<void>][] = [
      ['deadlines', () => serveDeadlines(worker)],
      ['pauses', () => endPauses(worker)],
      ['runners', () => this.#runnerCare.look()],
      ['ready attempts', () => endReady(worker)],
    ];
    const nowMs = worker.clock.monoMs();
    if (nowMs - this.#cleanedAtMs >= CLEAN_EVERY_MS) steps.push(['old rows', () => this.#clean(nowMs)]);
    let allWorked = true;
    for (const [what, step] of steps) {
      try {
        await step();
      } catch (error) {
        allWorked = false;
        worker.log.error({ error: String(error) }, `the sweep of ${what} failed; it is tried again`);
      }
    }
    return allWorked;
  }

  async #clean(nowMs: number): Promise<void> {
    const { db } = this.#worker;
    await removeDeadTickets(db);
    await removeDeadSessions(db);
    await removeDeadRateLimits(db);
    this.#cleanedAtMs = nowMs;
  }
}
