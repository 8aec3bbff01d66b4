export interface TabRequest {
  id: string;
  act: string;
  args: unknown;
}

const UNDER_WAY_MAX = 32;
/** Beyond either of these no more of the tab is read until some are answered. A page with many open files and folders stays below. */
const WAITING_MAX = 256;
const HELD_MAX_BYTES = 16 * 1024 * 1024;
/** Answers pile up before a tab that reads slowly: it is given no others until it has read these. */
const UNREAD_MAX_BYTES = 4 * 1024 * 1024;

export interface RequestCare {
  /** Resolves once the answer has left this process; never rejects. */
  answer(request: TabRequest): Promise<void>;
  /** Bytes that this process holds for the tab because the tab does not read them. */
  unreadBytes(): number;
  /** The tab has asked for so much that no more of it should be read, or no longer has. */
  full(full: boolean): void;
}

/** One tab's requests: some are under way at once, the others wait in the order of their coming. */
export class TabRequests {
  readonly #care: RequestCare;
  readonly #waiting: { request: TabRequest; bytes: number }[] = [];
  #underWay = 0;
  #heldBytes = 0;
  #ended = false;

  constructor(care: RequestCare) {
    this.#care = care;
  }

  offer(request: TabRequest, bytes: number): void {
    this.#waiting.push({ request, bytes });
    this.#heldBytes += bytes;
    this.#advance();
    this.#care.full(this.#full);
  }

  /** Nobody waits for the answers any more: what has not begun never does. */
  end(): void {
    this.#ended = true;
    this.#waiting.length = 0;
  }

  #advance(): void {
    while (!this.#ended && this.#underWay < UNDER_WAY_MAX) {
      if (this.#underWay > 0 && this.#care.unreadBytes() > UNREAD_MAX_BYTES) return;
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#underWay += 1;
      void this.#care.answer(next.request).finally(() => {
        this.#underWay -= 1;
        this.#heldBytes -= next.bytes;
        this.#advance();
        this.#care.full(this.#full);
      });
    }
  }

  get #full(): boolean {
    return this.#waiting.length > WAITING_MAX || this.#heldBytes > HELD_MAX_BYTES;
  }
}
