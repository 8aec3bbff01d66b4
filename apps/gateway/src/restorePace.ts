/** Screens of a tab that are made or sent at the same time. */
const UNDER_WAY_MAX = 2;
/** A tab gets its screens no faster than this: to draw one costs the sandbox, and to pass one on the gateway, as much as megabytes of output. */
const BYTES_PER_MS = 16 * 1024;
const LEAST_MS = 20;

/**
 * One tab's fresh screens, one after another: the next is asked for when those before it have left for the tab. A tab that does
 * not read gets no more of them, and one that asks without end gets them at a bounded pace.
 */
export class RestorePace {
  readonly #restore: (terminal: number, isOutdated: () => boolean) => Promise<number>;
  readonly #wanted = new Set<number>();
  readonly #underWay = new Set<number>();
  #resting = 0;

  /**
   * `restore` asks for a screen and sends it unless it is outdated by then; resolves with its bytes once it has left, 0 for none.
   * Never rejects.
   */
  constructor(restore: (terminal: number, isOutdated: () => boolean) => Promise<number>) {
    this.#restore = restore;
  }

  /** A screen that is newer than this call is wanted: one that is under way already is given up for it. */
  want(terminal: number): void {
    this.#wanted.add(terminal);
    this.#advance();
  }

  end(): void {
    this.#wanted.clear();
  }

  #advance(): void {
    for (const terminal of this.#wanted) {
      if (this.#underWay.size + this.#resting >= UNDER_WAY_MAX) return;
      if (this.#underWay.has(terminal)) continue;
      this.#wanted.delete(terminal);
      this.#underWay.add(terminal);
      void this.#restore(terminal, () => this.#wanted.has(terminal)).then((bytes) => {
        this.#underWay.delete(terminal);
        this.#resting += 1;
        setTimeout(
          () => {
            this.#resting -= 1;
            this.#advance();
          },
          LEAST_MS + bytes / BYTES_PER_MS,
        ).unref();
      });
    }
  }
}
