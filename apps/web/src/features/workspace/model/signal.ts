/** A list of listeners for one kind of news. A listener that throws does not keep the others from hearing. */
export class Signal<T> {
  private readonly listeners = new Set<(value: T) => void>();

  /** Listens from now on; the returned function stops it. */
  on(listener: (value: T) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Tells all listeners. */
  emit(value: T): void {
    for (const listener of [...this.listeners]) {
      try {
        listener(value);
      } catch (error) {
        reportError(error);
      }
    }
  }
}
