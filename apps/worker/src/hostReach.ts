import { AppError } from '@plumbline/core';
import { giveUpHost, type HostRecord, listHostLeases, noteHostAnswers, noteHostSilent } from '@plumbline/database';
import type { Worker } from './worker.ts';

/** Long enough for a machine to be started anew, and for a network to be mended. */
const HOST_LOST_AFTER_MS = 15 * 60_000;

/**
 * Which hosts do not answer, and what follows. When one was first not heard is counted by the worker's monotonic clock: a worker
 * that was away itself says nothing of its hosts.
 */
export class HostReach {
  readonly #worker: Worker;
  readonly #silentSinceMs = new Map<string, number>();

  constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** It answered something. */
  heard(host: HostRecord): void {
    this.#silentSinceMs.delete(host.id);
  }

  /** It answered, and holds nothing that it should not. */
  async answers(host: HostRecord): Promise<void> {
    if (host.silentSince === null) return;
    await noteHostAnswers(this.#worker.db, host.id);
    this.#worker.log.info({ host: host.name }, 'a host answers again');
  }

  /**
   * Takes note that a question failed, if it did for want of an answer.
   *
   * @returns whether it is.
   */
  async failed(host: HostRecord, error: unknown): Promise<boolean> {
    if (!(error instanceof AppError) || error.code !== 'unavailable') return false;
    const { db, clock, log } = this.#worker;
    const nowMs = clock.monoMs();
    const sinceMs = this.#silentSinceMs.get(host.id);
    this.#silentSinceMs.set(host.id, sinceMs ?? nowMs);
    if (sinceMs === undefined) log.warn({ host: host.name, error: String(error) }, 'a host does not answer; it takes nothing meanwhile');
    const attempts = await noteHostSilent(db, host.id);
    if (attempts.length > 0) log.warn({ host: host.name, attempts }, 'attempts that had not begun on a silent host go elsewhere');
    // A machine of its own that is away for so long has to be taken for lost; a cluster's controller that is away says nothing of its nodes.
    if (host.reach.placement !== 'ssh' || nowMs - (sinceMs ?? nowMs) < HOST_LOST_AFTER_MS) return true;
    if ((await listHostLeases(db, host.id)).length === 0) return true;
    this.#silentSinceMs.delete(host.id);
    const cause = `${host.name} has not been reached for ${HOST_LOST_AFTER_MS / 60_000} minutes.`;
    const lost = await giveUpHost(db, host.name, cause, { by: null });
    log.error({ host: host.name, attempts: lost }, 'a host was given up; its attempts go on elsewhere');
    return true;
  }
}
