import { toAppError } from '@plumbline/core';
import { findSetup, noteSetupProblem } from '@plumbline/database';
import type { LiveAttempt } from './liveAttempt.ts';

/** Gives a sandbox that waits for its clock what the participant changed of their setup meanwhile. */
export class SetupCare {
  readonly #attempt: LiveAttempt;
  #turn: Promise<void> = Promise.resolve();

  constructor(attempt: LiveAttempt) {
    this.#attempt = attempt;
  }

  /** To be called when the attempt or its sandbox has changed. One at a time; what is as it should be costs one query. */
  advance(): Promise<void> {
    const work = this.#turn.then(() => this.#advance());
    this.#turn = work.catch(() => {});
    return work;
  }

  async #advance(): Promise<void> {
    const { id, gateway, view, runner, sandboxReady } = this.#attempt;
    if (runner === null || !sandboxReady || (view.state !== 'provisioning' && view.state !== 'ready')) return;
    const setup = await findSetup(gateway.db, id);
    if (setup === null || setup.applied || setup.problem !== null) return;
    const { hash, keymap, files } = setup;
    try {
      await runner.call('setup.apply', { setup: { hash, keymap, files } });
    } catch (error) {
      // A runner that is away says `ready` when it is back, and is asked again.
      if (!runner.open) return;
      const { message, cause } = toAppError(error);
      gateway.log.error({ attempt: id, error: String(cause ?? error) }, 'a setup could not be laid');
      await noteSetupProblem(gateway.db, id, hash, message);
    }
  }
}
