/** Of the processor's time of this process, which serves every attempt, one attempt's tabs may have this much with what they send. */
const SHARE = 0.25;
/** So much at once is nobody's harm: a save of a large text, or what a tab kept while it was away. */
const FREE_MS = 100;

/** What may be held in its reading. */
export interface HeldTab {
  rest(wanted: boolean): void;
}

/**
 * Bounds what an attempt's tabs cost together. A few megabytes can take a second to read, by their shape, and in that second nobody else
 * is served; whoever held the process up for five would be given their time back.
 */
export class ReadingShare {
  readonly #tabs: Iterable<HeldTab>;
  #spentMs = 0;
  #rests = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(tabs: Iterable<HeldTab>) {
    this.#tabs = tabs;
  }

  /** A tab has come. */
  joined(tab: HeldTab): void {
    if (this.#rests) tab.rest(true);
  }

  /** A message of one of the tabs took so long: beyond what is free none of them is read until it was their share. */
  spent(ms: number): void {
    this.#spentMs += ms;
    if (this.#rests) return;
    if (this.#spentMs > FREE_MS) return this.#rest();
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#spentMs = 0;
    }, FREE_MS / SHARE).unref();
  }

  #rest(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const restMs = this.#spentMs / SHARE;
    // What had been read of a tab still comes, and is rested for after this.
    this.#spentMs = 0;
    this.#rests = true;
    for (const tab of this.#tabs) tab.rest(true);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#spentMs > 0) return this.#rest();
      this.#rests = false;
      for (const tab of this.#tabs) tab.rest(false);
    }, restMs).unref();
  }
}
