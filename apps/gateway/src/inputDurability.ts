/**
 * Tells each tab how much of its input is durable. The runner journals a tab's input under its own number; when the
 * recording has committed that number, the tab may forget what it typed.
 */
export class InputDurability {
  readonly #waiting: { runnerN: number; tab: string; inputN: number }[] = [];
  readonly #durable = new Map<string, number>();
  #runnerMark = 0;

  /** Another runner goes on: it numbers its entries anew, and is sent again what the last one had not got into the recording. */
  runnerReplaced(): void {
    this.#waiting.length = 0;
    this.#runnerMark = 0;
  }

  /** The runner journalled input `inputN` of `tab` as its entry `runnerN`. */
  journalled(runnerN: number, tab: string, inputN: number): void {
    if (runnerN <= this.#runnerMark) this.#advance(tab, inputN);
    else this.#waiting.push({ runnerN, tab, inputN });
  }

  /** The recording holds the runner's entries up to this one. Answers the tabs whose mark moved. */
  committed(runnerMark: number): Map<string, number> {
    this.#runnerMark = Math.max(this.#runnerMark, runnerMark);
    const moved = new Map<string, number>();
    while (this.#waiting[0] !== undefined && this.#waiting[0].runnerN <= this.#runnerMark) {
      const { tab, inputN } = this.#waiting[0];
      this.#waiting.shift();
      this.#advance(tab, inputN);
      moved.set(tab, this.durable(tab));
    }
    return moved;
  }

  durable(tab: string): number {
    return this.#durable.get(tab) ?? 0;
  }

  #advance(tab: string, inputN: number): void {
    this.#durable.set(tab, Math.max(this.durable(tab), inputN));
  }
}
