import { nextTask } from './nextTask.ts';

/**
 * Has things done one after another, each in a task of the page's own, so that a key or a frame between two of them need not wait for all.
 * Once none is left there is nothing to wait for any more: what comes later may be done at once.
 */
export class Turns {
  private readonly waiting = new Set<() => void>();
  private readonly untilNext: () => Promise<void>;
  private running = false;
  private over = false;

  constructor(untilNext: () => Promise<void> = nextTask) {
    this.untilNext = untilNext;
  }

  get areOver(): boolean {
    return this.over;
  }

  /** Does it when its turn comes. The returned function leaves the row. */
  take(act: () => void): () => void {
    this.waiting.add(act);
    void this.run();
    return () => this.waiting.delete(act);
  }

  /** Does what still waits now: somebody is about to use it. */
  finish(): void {
    for (const act of this.waiting) this.begin(act);
    this.over = true;
  }

  private async run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    while (this.waiting.size > 0) {
      await this.untilNext();
      const [next] = this.waiting;
      if (next) this.begin(next);
    }
    this.running = false;
    this.over = true;
  }

  private begin(act: () => void): void {
    this.waiting.delete(act);
    act();
  }
}
