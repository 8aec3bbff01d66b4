import type { AttemptMessage } from '@plumbline/protocol';

/**
 * Which of the staff's messages were not looked at. The number of the last one that was stays in the browser, for all of its tabs: one
 * that came while the page was away, or closed, is new when it is back.
 */
export class UnreadMessages {
  private readonly storage: Pick<Storage, 'getItem' | 'setItem'>;
  private readonly key: string;
  private toldN = 0;

  constructor(attemptId: string, storage: Pick<Storage, 'getItem' | 'setItem'>) {
    this.storage = storage;
    this.key = `plumbline.messages.read.${attemptId}`;
  }

  /** How many are unread, and which of these this page has not told of yet: from now on it has. */
  count(messages: readonly AttemptMessage[]): { unread: number; untold: AttemptMessage[] } {
    const readN = Number(this.storage.getItem(this.key) ?? 0);
    const unread = messages.filter(({ author, n }) => author === 'staff' && n > readN);
    const untold = unread.filter(({ n }) => n > this.toldN);
    this.toldN = Math.max(this.toldN, ...unread.map(({ n }) => n));
    return { unread: unread.length, untold };
  }

  /** All of them were looked at. */
  read(messages: readonly AttemptMessage[]): void {
    const lastN = Math.max(0, ...messages.map(({ n }) => n));
    if (lastN > Number(this.storage.getItem(this.key) ?? 0)) this.storage.setItem(this.key, String(lastN));
  }
}
