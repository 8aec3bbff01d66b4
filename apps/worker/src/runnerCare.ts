import { type HostRecord, listPlacedRunners, moveAttempt, type PlacedRunner, placeAnew, setProgress } from '@plumbline/database';
import type { RunnerStatus } from '@plumbline/sandbox';
import type { HostReach } from './hostReach.ts';
import { isOn, notedRunner, noteFailedNode, placeRunner, retireRunner, statusOf, TRIED_AGAIN } from './runners.ts';
import type { Worker } from './worker.ts';

/** A runner is taken for dead when it has not lived for this long: one that replaces itself in between is none of our business. */
const DEAD_AFTER_MS = 5_000;

/** A runner that keeps dying is started ever more rarely: after 5 s, 10 s, … at most two minutes. */
const MAX_WAIT_MS = 120_000;

/** Lives this long, and its earlier deaths are forgotten. */
const FORGIVEN_AFTER_MS = 600_000;

/** Runners of a host that are looked after at once: after a restart of the machine all are dead, and each start costs memory and time. */
const AT_ONCE = 4;

type GoneRunner = Extract<RunnerStatus, { state: 'gone' }>;

interface Death {
  deadSinceMs: number | null;
  replacements: number;
  replacedAtMs: number;
}

/**
 * Compares the runners that are noted with those that live: stops those that no attempt needs, and starts anew, on the same
 * folder and with a new token, those that died. Times are the worker's monotonic clock.
 */
export class RunnerCare {
  readonly #worker: Worker;
  readonly #deaths = new Map<string, Death>();
  readonly #reach: HostReach;

  constructor(worker: Worker, reach: HostReach) {
    this.#worker = worker;
    this.#reach = reach;
  }

  /** Looks after the runners that are noted on a host. */
  async look(host: HostRecord): Promise<void> {
    const placed = await listPlacedRunners(this.#worker.db);
    const seen = new Set(placed.map((attempt) => attempt.id));
    for (const id of this.#deaths.keys()) if (!seen.has(id)) this.#deaths.delete(id);
    const rest = placed.filter(({ placement }) => isOn(host, placement));
    const lookInTurn = async (): Promise<void> => {
      for (let next = rest.shift(); next !== undefined; next = rest.shift()) await this.#lookAt(host, next);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lookInTurn));
  }

  async #lookAt(host: HostRecord, { id, state, placement: noted, hasToken, needed }: PlacedRunner): Promise<void> {
    const { clock, log } = this.#worker;
    try {
      const runner = await notedRunner(this.#worker, noted);
      if (runner === null) return;
      if (!needed) {
        await retireRunner(this.#worker, id);
        return;
      }
      let status: RunnerStatus;
      try {
        status = await statusOf(this.#worker, runner);
      } catch (error) {
        if (await this.#reach.failed(host, error)) return;
        throw error;
      }
      this.#reach.heard(host);
      if (status.state !== 'gone') {
        this.#lives(id, clock.monoMs());
        if (status.state === 'queued') await setProgress(this.#worker.db, id, status.reason, null);
      } else if (state !== 'provisioning' || hasToken) {
        // Without a token a sandbox that is being prepared has not been started yet; its job will do that.
        await this.#isDead(host, { id, state }, status, clock.monoMs());
      }
    } catch (error) {
      log.error({ attempt: id, error: String(error) }, 'a runner could not be looked after; it is tried again');
    }
  }

  #lives(id: string, nowMs: number): void {
    const death = this.#deaths.get(id);
    if (death === undefined) return;
    death.deadSinceMs = null;
    if (nowMs - death.replacedAtMs > FORGIVEN_AFTER_MS) this.#deaths.delete(id);
  }

  async #isDead(host: HostRecord, { id, state }: Pick<PlacedRunner, 'id' | 'state'>, gone: GoneRunner, nowMs: number): Promise<void> {
    const { cause, failedNode } = gone;
    const death = this.#deaths.get(id) ?? { deadSinceMs: null, replacements: 0, replacedAtMs: Number.NEGATIVE_INFINITY };
    this.#deaths.set(id, death);
    death.deadSinceMs ??= nowMs;
    // One that dies again and again never comes to say itself what is the matter.
    if (state !== 'provisioning' && death.replacements > 0) await setProgress(this.#worker.db, id, `${cause} ${TRIED_AGAIN}`, null);
    const waitMs = Math.min(MAX_WAIT_MS, DEAD_AFTER_MS * 2 ** death.replacements);
    if (nowMs - death.deadSinceMs < waitMs) return;
    if (failedNode !== undefined) await noteFailedNode(this.#worker, id, { host, node: failedNode, cause });
    if (state === 'provisioning' && failedNode !== undefined) {
      this.#deaths.delete(id);
      await placeAnew(this.#worker.db, id, { reason: cause, progress: 'The machine could not run a sandbox; another one is looked for.' });
      return;
    }
    if (state === 'provisioning') {
      await moveAttempt(this.#worker.db, id, 'scheduled', {
        from: ['provisioning'],
        progress: `The sandbox ended before it was ready. ${cause} Try again, and tell the staff if it stays.`,
      });
      this.#deaths.delete(id);
      return;
    }
    death.replacements += 1;
    death.replacedAtMs = nowMs;
    death.deadSinceMs = null;
    await placeRunner(this.#worker, id, cause);
  }
}
