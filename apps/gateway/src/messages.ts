import { type Database, listMessages, type MessageRecord } from '@plumbline/database';
import type { AttemptMessage } from '@plumbline/protocol';

/** A message between participant and staff, for the wire. */
export function messageView({ n, author, name, text, at }: MessageRecord): AttemptMessage {
  return { n, author: author === 'staff' ? 'staff' : 'participant', name, text, atMs: at.getTime() };
}

/** Tells of messages that were written since the last look, wherever they were written. The first look tells of none. */
export class NewMessages {
  readonly #db: Database;
  readonly #attemptId: string;
  #shownN: number | null = null;

  constructor(db: Database, attemptId: string) {
    this.#db = db;
    this.#attemptId = attemptId;
  }

  async take(): Promise<AttemptMessage[]> {
    const first = this.#shownN === null;
    const found = await listMessages(this.#db, this.#attemptId, this.#shownN ?? 0);
    this.#shownN = Math.max(this.#shownN ?? 0, found.at(-1)?.n ?? 0);
    return first ? [] : found.map(messageView);
  }
}
