import { ensureLocalHost, queueForMachines, saveInventory } from '@plumbline/database';
import { ClosedRecordings } from './closedRecordings.ts';
import { HostCare } from './hostCare.ts';
import { grant } from './provision.ts';
import { runSteps } from './steps.ts';
import { StrandedEnds } from './strandedEnds.ts';
import type { Worker } from './worker.ts';

/** How old what is known of this machine may grow. Others are checked by whoever keeps them. */
const INSPECT_EVERY_MS = 300_000;

/**
 * Looks after hosts, leases and runners. Apart from the sweep of clocks, since a host that answers slowly must not hold up a
 * deadline.
 */
export class Machines {
  readonly #worker: Worker;
  readonly #hostCare: HostCare;
  readonly #strandedEnds: StrandedEnds;
  readonly #closedRecordings: ClosedRecordings;
  #inspectedAtMs = Number.NEGATIVE_INFINITY;

  constructor(worker: Worker) {
    this.#worker = worker;
    this.#hostCare = new HostCare(worker);
    this.#strandedEnds = new StrandedEnds(worker);
    this.#closedRecordings = new ClosedRecordings(worker);
  }

  /**
   * One round. It waits for no host: what a listing frees is given out in the next one.
   *
   * @returns whether every step worked.
   */
  run(): Promise<boolean> {
    const worker = this.#worker;
    return runSteps(worker, [
      ['this machine', () => this.#lookAtThisMachine()],
      ['hosts', () => this.#hostCare.look()],
      ['attempts without a machine', async () => void (await queueForMachines(worker.db))],
      ['the queue', () => grant(worker)],
      ['stranded ends', () => this.#strandedEnds.look()],
      ['closed recordings', () => this.#closedRecordings.look()],
    ]);
  }

  /** Resolves when what the rounds have begun on hosts has ended. */
  settled(): Promise<void> {
    return this.#hostCare.settled();
  }

  async #lookAtThisMachine(): Promise<void> {
    const { db, clock, host } = this.#worker;
    const here = await ensureLocalHost(db, host.isolation);
    const nowMs = clock.monoMs();
    if (here.inventory !== null && nowMs - this.#inspectedAtMs < INSPECT_EVERY_MS) return;
    await saveInventory(db, here.id, await this.#worker.inspectThisHost());
    this.#inspectedAtMs = nowMs;
  }
}
