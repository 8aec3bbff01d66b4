import { listScores, moveAttempt, requestScore, setProgress } from '@plumbline/database';
import type { RunnerHello } from '@plumbline/protocol';
import type { LiveAttempt } from './liveAttempt.ts';
import type { RunnerConnection } from './runnerConnection.ts';

/** How often the journal's mark is looked at while what a runner brings along becomes durable. */
const POLL_MS = 50;

/** From a runner's call to an attempt that can begin: what an earlier life of it left, the starting score, `ready`. */
export class Acceptance {
  readonly #attempt: LiveAttempt;

  constructor(attempt: LiveAttempt) {
    this.#attempt = attempt;
  }

  /** A runner was attached. Once everything it journalled before is durable, rows that still run and that it does not know are lost. */
  async attached(runner: RunnerConnection, hello: RunnerHello): Promise<void> {
    while (this.#attempt.runner === runner && this.#attempt.runnerMark < hello.lastN) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    if (this.#attempt.runner !== runner) return;
    await this.#attempt.scoring.cancelLost(hello.scoring);
    if (hello.phase !== 'starting') await this.ready(null);
  }

  /** The sandbox is up: the starting solution is scored once, as a calibration, and the attempt can begin. */
  async ready(sandbox: { isolation: string; freezeMethod: string } | null): Promise<void> {
    const { id, scoring, view } = this.#attempt;
    if (view.state !== 'provisioning') return;
    const { db } = this.#attempt.gateway;
    const scored = (await listScores(db, id)).some((row) => row.trigger === 'start' && row.status !== 'cancelled');
    if (!scored) {
      await setProgress(db, id, 'Scoring the starting solution', null);
      await scoring.start(await requestScore(db, id, 'start'));
    }
    await scoring.settled();
    if (this.#attempt.runner === null) return;
    await moveAttempt(db, id, 'ready', { isolation: sandbox?.isolation, freezeMethod: sandbox?.freezeMethod });
    await this.#attempt.refresh();
  }

  /** The sandbox could not be made; the person may ask again. */
  async failed(reason: string): Promise<void> {
    if (this.#attempt.view.state !== 'provisioning') return;
    await moveAttempt(this.#attempt.gateway.db, this.#attempt.id, 'scheduled', { progress: reason });
    this.#attempt.runner?.send({ t: 'shutdown', reason: 'provisioning failed' });
    await this.#attempt.refresh();
  }
}
