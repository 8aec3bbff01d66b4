import { AppError, type AttemptState } from '@plumbline/core';
import { giveUpHost, type HostRecord, listPlacedRunners, moveAttempt, type PlacedRunner, setProgress } from '@plumbline/database';
import { notedRunner, placeRunner, retireRunner, statusOf } from './runners.ts';
import type { Worker } from './worker.ts';

/** A runner is taken for dead when it has not lived for this long: one that replaces itself in between is none of our business. */
const DEAD_AFTER_MS = 5_000;

/** A runner that keeps dying is started ever more rarely: after 5 s, 10 s, … at most two minutes. */
const MAX_WAIT_MS = 120_000;

/** Lives this long, and its earlier deaths are forgotten. */
const FORGIVEN_AFTER_MS = 600_000;

/** Long enough for a machine to be started anew, and for a network to be mended. */
const HOST_LOST_AFTER_MS = 15 * 60_000;

/** Runners that are looked after at once: after a restart of the machine all are dead, and each start costs memory and time. */
const AT_ONCE = 4;

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
  readonly #unreachableSinceMs = new Map<string, number>();

  constructor(worker: Worker) {
    this.#worker = worker;
  }

  async look(): Promise<void> {
    const placed = await listPlacedRunners(this.#worker.db);
    const seen = new Set(placed.map((attempt) => attempt.id));
    for (const id of this.#deaths.keys()) if (!seen.has(id)) this.#deaths.delete(id);
    const rest = [...placed];
    const lookInTurn = async (): Promise<void> => {
      for (let next = rest.shift(); next !== undefined; next = rest.shift()) await this.#lookAt(next);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lookInTurn));
  }

  async #lookAt({ id, state, placement: noted, hasToken, needed }: PlacedRunner): Promise<void> {
    const { clock, log } = this.#worker;
    let host: HostRecord | null = null;
    try {
      const runner = await notedRunner(this.#worker, noted);
      if (runner === null) return;
      host = runner.host;
      if (!needed) {
        await retireRunner(this.#worker, id);
        return;
      }
      const status = await statusOf(this.#worker, runner);
      this.#unreachableSinceMs.delete(host.id);
      if (status.state !== 'gone') {
        this.#lives(id, clock.monoMs());
        if (status.state === 'queued') await setProgress(this.#worker.db, id, status.reason, null);
      } else if (state !== 'provisioning' || hasToken) {
        // Without a token a sandbox that is being prepared has not been started yet; its job will do that.
        await this.#isDead(id, state, status.cause, clock.monoMs());
      }
    } catch (error) {
      log.error({ attempt: id, error: String(error) }, 'a runner could not be looked after; it is tried again');
      if (host?.reach.placement === 'ssh' && error instanceof AppError && error.code === 'unavailable') {
        await this.#isUnreachable(host, clock.monoMs());
      }
    }
  }

  /** A machine of its own that is away for so long has to be taken for lost; a cluster's controller that is away says nothing of its nodes. */
  async #isUnreachable(host: HostRecord, nowMs: number): Promise<void> {
    const sinceMs = this.#unreachableSinceMs.get(host.id) ?? nowMs;
    this.#unreachableSinceMs.set(host.id, sinceMs);
    if (nowMs - sinceMs < HOST_LOST_AFTER_MS) return;
    this.#unreachableSinceMs.delete(host.id);
    const cause = `${host.name} has not been reached for ${HOST_LOST_AFTER_MS / 60_000} minutes.`;
    const attempts = await giveUpHost(this.#worker.db, host.name, cause, { by: null });
    this.#worker.log.error({ host: host.name, attempts }, 'a host was given up; its attempts go on elsewhere');
  }

  #lives(id: string, nowMs: number): void {
    const death = this.#deaths.get(id);
    if (death === undefined) return;
    death.deadSinceMs = null;
    if (nowMs - death.replacedAtMs > FORGIVEN_AFTER_MS) this.#deaths.delete(id);
  }

  async #isDead(id: string, state: AttemptState, cause: string, nowMs: number): Promise<void> {
    const death = this.#deaths.get(id) ?? { deadSinceMs: null, replacements: 0, replacedAtMs: Number.NEGATIVE_INFINITY };
    this.#deaths.set(id, death);
    death.deadSinceMs ??= nowMs;
    const waitMs = Math.min(MAX_WAIT_MS, DEAD_AFTER_MS * 2 ** death.replacements);
    if (nowMs - death.deadSinceMs < waitMs) return;
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
