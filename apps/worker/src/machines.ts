import { ensureLocalHost, queueForMachines } from '@plumbline/database';
import { grant } from './provision.ts';
import { reconcile } from './reconcile.ts';
import { RunnerCare } from './runnerCare.ts';
import { runSteps } from './steps.ts';
import type { Worker } from './worker.ts';

/**
 * Looks after hosts, leases and runners. Apart from the sweep of clocks, since a host that answers slowly must not hold up a
 * deadline.
 */
export class Machines {
  readonly #worker: Worker;
  readonly #runnerCare: RunnerCare;

  constructor(worker: Worker) {
    this.#worker = worker;
    this.#runnerCare = new RunnerCare(worker);
  }

  /**
   * One round.
   *
   * @returns whether every step worked.
   */
  run(): Promise<boolean> {
    const worker = this.#worker;
    return runSteps(worker, [
      ['this machine', async () => void (await ensureLocalHost(worker.db, worker.host.isolation))],
      ['runners', () => this.#runnerCare.look()],
      ['leases', () => reconcile(worker)],
      ['attempts without a machine', async () => void (await queueForMachines(worker.db))],
      ['the queue', () => grant(worker)],
    ]);
  }
}
