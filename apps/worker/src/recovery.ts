import { type ClockEvent, elapsedMs, openHibernation } from '@plumbline/core';
import { type AttemptView, appendClockEvent, databaseNowMs, findRestorePoint, type SkippedFile } from '@plumbline/database';
import type { RunnerRequest } from '@plumbline/sandbox';
import type { Worker } from './worker.ts';

/**
 * A workspace that was lost with its machine: the attempt goes on from the last state that was captured, and gets the minutes
 * since then back. What no snapshot holds is named to the person.
 */

/** Less than this is no loss of work, and not worth an entry in anybody's clock. */
const ROLLBACK_FROM_MS = 1_000;

/** So many lost files are named. */
const NAMED_MAX = 5;

/** What the next runner is to go on from. Rolls the clock back; asking again for the same loss changes nothing. */
export async function recover(worker: Worker, view: AttemptView, cause: string): Promise<RunnerRequest['restore']> {
  const { db, log } = worker;
  const point = await findRestorePoint(db, view.id);
  if (view.state === 'running' || view.state === 'paused') {
    const { limitMs } = view.limits;
    const atMs = point?.atMs ?? view.startedAtMs ?? 0;
    const toElapsedMs = Math.floor(
      elapsedMs(
        // What corrected the clock since then is no part of what was lost.
        view.events.filter((event) => event.atMs <= atMs || event.kind === 'adjusted' || event.kind === 'outage'),
        atMs,
        limitMs,
      ),
    );
    const nowElapsedMs = elapsedMs(view.events, await databaseNowMs(db.pool), limitMs);
    const losesTime = nowElapsedMs - toElapsedMs >= ROLLBACK_FROM_MS;
    const losesFiles = (point?.skipped ?? []).length > 0;
    if ((losesTime || losesFiles) && !isRolledBack(view.events, atMs)) {
      await appendClockEvent(
        db,
        view.id,
        // Time that was given back since then stays given back.
        {
          kind: 'rollback',
          toElapsedMs: Math.min(toElapsedMs, Math.floor(nowElapsedMs)),
          reason: rollbackWords(lossWords(view, cause), point?.skipped ?? []),
        },
        { by: null, restoredAtMs: atMs },
      );
    }
  }
  log.warn(
    { attempt: view.id, cause, bundles: point?.bundles.length ?? 0 },
    'a workspace was lost; the attempt goes on from its last snapshot',
  );
  return { bundles: point?.bundles ?? [], lastTerminal: point?.lastTerminal ?? 0 };
}

/**
 * Whether this loss has been rolled back already, and its machine is only asked for again. A sandbox that came up since then ended
 * the outage of the loss (another may have begun since), or the pause, or stored a newer state: what is lost after that is lost anew.
 */
function isRolledBack(events: readonly ClockEvent[], restoredAtMs: number): boolean {
  const last = events.findLast((event) => event.kind === 'rollback');
  if (last === undefined || restoredAtMs > last.atMs) return false;
  return !events.some((event) => event.n > last.n && (event.kind === 'resumed' || (event.kind === 'outage' && event.fromMs <= last.atMs)));
}

function lossWords({ events }: AttemptView, cause: string): string {
  if (openHibernation(events) !== null) return 'the attempt came back on another machine, with the last copy of its files';
  return `the machine was lost (${cause.replace(/\.$/, '')}), and the work goes on from its last copy`;
}

/** `The machine was lost (…). Not kept: data/model.bin (too large).` without a full stop at the end, as reasons are. */
function rollbackWords(why: string, skipped: readonly SkippedFile[]): string {
  if (skipped.length === 0) return why;
  const named = skipped.slice(0, NAMED_MAX).map(({ path, reason }) => `${path} (${reason})`);
  const more = skipped.length - named.length;
  return `${why}. These are in no copy and must be made again: ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
