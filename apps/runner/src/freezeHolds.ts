import { AppError } from '@plumbline/core';
import type { FreezeMethod, Sandbox } from '@plumbline/sandbox';
import type { Logger } from 'pino';

/** Why the participant stands still. While any reason holds, it does; a reason only ever takes back itself. */
export type FreezeReason =
  /** The clock says `frozen`. */
  | 'clock'
  /** The gateway is about to commit a pause. */
  | 'pausing'
  /** The runner's own timer reached zero. */
  | 'zero'
  /** No gateway for too long: nobody could take the participant's input or record it. */
  | 'absence'
  /** The environment freezes the participant while its scorer runs. */
  | 'scoring';

type Freezable = Pick<Sandbox, 'freeze' | 'thaw' | 'freezeMethod'>;

/** Freezes and thaws a sandbox, one change at a time, to what the set of reasons asks for. */
export class FreezeHolds {
  readonly #sandbox: Freezable;
  readonly #logger: Logger;
  readonly #reasons = new Set<FreezeReason>();
  #frozen = false;
  #turn: Promise<void> = Promise.resolve();
  #over = false;

  constructor(sandbox: Freezable, logger: Logger) {
    this.#sandbox = sandbox;
    this.#logger = logger;
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  get method(): FreezeMethod {
    return this.#sandbox.freezeMethod;
  }

  /** Resolves when everything of the participant's stands still; rejects, with the reason taken back, where it cannot be stopped. */
  async hold(reason: FreezeReason): Promise<void> {
    this.#reasons.add(reason);
    try {
      await this.#settle();
    } catch (error) {
      this.#reasons.delete(reason);
      await this.#settle().catch(() => {});
      throw error;
    }
  }

  /** Takes reasons back; resolves when the participant runs again or another reason keeps it. */
  async release(...reasons: FreezeReason[]): Promise<void> {
    for (const reason of reasons) this.#reasons.delete(reason);
    await this.#settle();
  }

  /** The participant's processes are about to end: from now on nothing is frozen or thawed. Waits for a change under way. */
  async finish(): Promise<void> {
    this.#over = true;
    await this.#turn.catch(() => {});
  }

  #settle(): Promise<void> {
    const turn = this.#turn.catch(() => {}).then(() => this.#change());
    this.#turn = turn;
    return turn;
  }

  async #change(): Promise<void> {
    const wanted = this.#reasons.size > 0;
    if (this.#over || wanted === this.#frozen) return;
    if (!wanted) {
      await this.#sandbox.thaw();
      this.#frozen = false;
      return;
    }
    const started = performance.now();
    try {
      await this.#sandbox.freeze();
    } catch (error) {
      await this.#sandbox.thaw();
      throw new AppError('unavailable', 'The sandbox could not be stopped for a pause. It goes on running; try again.', { cause: error });
    }
    this.#frozen = true;
    this.#logger.info({ reasons: [...this.#reasons], tookMs: Math.round(performance.now() - started) }, 'the participant is frozen');
  }
}
