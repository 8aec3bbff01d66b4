import { cancelScore, enqueue, listStrandedAttempts, moveAttempt, type StrandedAttempt } from '@plumbline/database';
import { finishRecording } from './finishRecording.ts';
import type { Worker } from './worker.ts';

/**
 * A runner is started anew after growing waits, of two minutes at last, so that the last of these comes after ten minutes and the
 * time that the sandboxes took to fail.
 */
const LIMITS = { linkAliveMs: 5_000, silentMs: 3_600_000, replacements: 8, queuedMs: 24 * 3_600_000 };

/**
 * Completes ended attempts for which no sandbox comes any more, which would otherwise hold their machines for good: a host is
 * gone, an image cannot be built. The recording is sealed as far as it came; what is missing staff read, and may have it scored again.
 */
export class StrandedEnds {
  readonly #worker: Worker;
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** Begins what is due. Waits for none of it: an object store that is away would hold up all else. */
  async look(): Promise<void> {
    const { db, log } = this.#worker;
    for (const attempt of await listStrandedAttempts(db, LIMITS)) {
      const { id } = attempt;
      if (this.#underWay.has(id)) continue;
      const end = endWithoutSandbox(this.#worker, attempt)
        .catch((error: unknown) =>
          log.error({ attempt: id, error: String(error) }, 'a stranded attempt could not be ended; it is tried again'),
        )
        .finally(() => this.#underWay.delete(id));
      this.#underWay.set(id, end);
    }
  }

  /** Resolves when all that was begun is done. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay.values());
  }
}

async function endWithoutSandbox(worker: Worker, { id, hostName, replacements }: StrandedAttempt): Promise<void> {
  const { db, log } = worker;
  const progress = `${strandedWords(hostName, replacements)} What was not scored or stored before is missing. Score again once the cause is mended.`;
  await cancelScore(db, id, 'The sandbox was lost while the scorer ran. This row does not count.');
  // A runner that comes back after all takes the recording over, and this end comes to nothing.
  await finishRecording(worker, id);
  await moveAttempt(db, id, 'completed', { from: ['finalising'], progress });
  await enqueue(db, 'retire', { attemptId: id });
  await enqueue(db, 'index', { attemptId: id });
  log.error({ attempt: id, host: hostName, replacements }, 'an ended attempt got no sandbox any more and was completed without one');
}

function strandedWords(hostName: string | null, replacements: number): string {
  if (hostName === null) return 'No machine took this attempt for a day after its end.';
  if (replacements >= LIMITS.replacements)
    return `The sandbox was started ${replacements} times on ${hostName} after the end and did not stay up.`;
  return `The sandbox could not be started on ${hostName} within an hour after the end.`;
}
