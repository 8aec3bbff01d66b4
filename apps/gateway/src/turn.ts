/** Does one thing at a time, in the order in which they were asked for. */
export class Turn {
  #last: Promise<void> = Promise.resolve();

  /** Resolves or rejects as `work` does, which begins when all that was asked for before has ended. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }
}
