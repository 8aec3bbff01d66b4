/** Answers to one question, which is never asked twice at a time: a controller that is slow to answer is not asked more for it. */
export class SharedAnswer<T> {
  readonly #ask: () => Promise<T>;
  readonly #nowMs: () => number;
  #last: { readonly answer: Promise<T>; answeredMs: number | null } | null = null;
  #next: Promise<T> | null = null;

  constructor(ask: () => Promise<T>, nowMs: () => number) {
    this.#ask = ask;
    this.#nowMs = nowMs;
  }

  /** The answer that is under way, or one that came at most `maxAgeMs` ago; else a new one. A question that failed counts as answered. */
  recent(maxAgeMs: number): Promise<T> {
    const last = this.#last;
    const isRecent = last !== null && (last.answeredMs === null || this.#nowMs() - last.answeredMs < maxAgeMs);
    return isRecent ? last.answer : this.fresh();
  }

  /** An answer to a question that is asked after this call: once the one under way is answered. */
  fresh(): Promise<T> {
    if (this.#next !== null) return this.#next;
    if (this.#last === null || this.#last.answeredMs !== null) return this.#begin();
    this.#next = this.#last.answer.then(
      () => this.#begin(),
      () => this.#begin(),
    );
    return this.#next;
  }

  #begin(): Promise<T> {
    this.#next = null;
    const question: { answer: Promise<T>; answeredMs: number | null } = { answer: this.#ask(), answeredMs: null };
    const answered = () => {
      question.answeredMs = this.#nowMs();
    };
    // Before whoever waits for the answer goes on: they may ask again at once.
    question.answer.then(answered, answered);
    this.#last = question;
    return question.answer;
  }
}
