import { findHostById, type HostRecord, hostsInUse, listHosts } from '@plumbline/database';
import { HostReach } from './hostReach.ts';
import { reconcile } from './reconcile.ts';
import { RunnerCare } from './runnerCare.ts';
import { runSteps } from './steps.ts';
import { UnusedGrants } from './unusedGrants.ts';
import type { Worker } from './worker.ts';

/** Enough that a few which hang hold up no other; each may hold connections of the database while it starts or stops something. */
const HOSTS_AT_ONCE = 8;

/** Looks after the runners and leases of each host, side by side: one that answers slowly holds up nobody else. */
export class HostCare {
  readonly #worker: Worker;
  readonly #reach: HostReach;
  readonly #unused = new UnusedGrants();
  readonly #runnerCare: RunnerCare;
  readonly #waiting = new Map<string, HostRecord>();
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(worker: Worker) {
    this.#worker = worker;
    this.#reach = new HostReach(worker);
    this.#runnerCare = new RunnerCare(worker, this.#reach);
  }

  /** Begins a look at every host that none is under way for, in turn where they are many. Waits for none of them. */
  async look(): Promise<void> {
    for (const host of await this.#hosts()) if (!this.#underWay.has(host.id)) this.#waiting.set(host.id, host);
    this.#beginMore();
  }

  /** Resolves when every look that was begun has ended. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay.values());
  }

  #beginMore(): void {
    for (const [id, host] of this.#waiting) {
      if (this.#underWay.size >= HOSTS_AT_ONCE) return;
      this.#waiting.delete(id);
      const look = this.#lookAt(host).finally(() => {
        this.#underWay.delete(id);
        this.#beginMore();
      });
      this.#underWay.set(id, look);
    }
  }

  async #lookAt(host: HostRecord): Promise<void> {
    await runSteps(this.#worker, [
      [`runners on ${host.name}`, () => this.#runnerCare.look(host)],
      [`leases on ${host.name}`, () => reconcile(this.#worker, host, { reach: this.#reach, unused: this.#unused })],
    ]);
  }

  async #hosts(): Promise<HostRecord[]> {
    const { db } = this.#worker;
    const hosts = await listHosts(db);
    const known = new Set(hosts.map(({ id }) => id));
    const removed = (await hostsInUse(db)).filter((id) => !known.has(id));
    return [...hosts, ...(await Promise.all(removed.map((id) => findHostById(db, id)))).filter((host) => host !== null)];
  }
}
