import type { HostLease } from '@plumbline/database';

/** A runner is started within this time after its machine was granted, or its job is queued again. */
const START_WITHIN_MS = 60_000;

/** Where it cannot be started the job is queued ever more rarely, at last this often: a scheduler that refuses it is not asked all day. */
const MAX_WAIT_MS = 600_000;

interface Again {
  count: number;
  atMs: number;
}

/** Machines that were granted and on which no runner was started, and when to try again. Times are the worker's monotonic clock. */
export class UnusedGrants {
  readonly #again = new Map<string, Again>();

  /** Whether the attempt's job should be queued once more now; `queued` is to be called where it was. */
  isDue({ leaseId, heldMs }: Pick<HostLease, 'leaseId' | 'heldMs'>, nowMs: number): boolean {
    const last = this.#again.get(leaseId);
    if (last === undefined) return heldMs > START_WITHIN_MS;
    return nowMs - last.atMs >= Math.min(MAX_WAIT_MS, START_WITHIN_MS * 2 ** (last.count - 1));
  }

  queued({ leaseId }: Pick<HostLease, 'leaseId'>, nowMs: number): void {
    // One that was due long ago and not queued is no lease any more, and ended where nobody listed it.
    for (const [id, { atMs }] of this.#again) if (nowMs - atMs > 2 * MAX_WAIT_MS) this.#again.delete(id);
    this.#again.set(leaseId, { count: (this.#again.get(leaseId)?.count ?? 0) + 1, atMs: nowMs });
  }

  /** How many it remembers. */
  get size(): number {
    return this.#again.size;
  }

  /** Its runner was started, or it is no lease any more. */
  forget({ leaseId }: Pick<HostLease, 'leaseId'>): void {
    this.#again.delete(leaseId);
  }
}
