import { eventsOf, workspaceDatabase } from './workspaceDatabase.ts';

export interface StoredEvent {
  tab: string;
  n: number;
  attemptId: string;
  type: string;
  monoMs: number;
  data: unknown;
}

/** Where a tab's events wait until they are durable. */
export interface OutboxStore {
  put(events: StoredEvent[]): Promise<void>;
  load(tab: string): Promise<StoredEvent[]>;
  /** Forgets this tab's events up to and including number `n`. */
  drop(tab: string, n: number): Promise<void>;
}

/** Where the events of all tabs of this browser wait. */
export interface OutboxesStore extends OutboxStore {
  /** The tabs of which events of an attempt are held. */
  tabs(attemptId: string): Promise<string[]>;
}

export const indexedOutboxStore: OutboxesStore = {
  async put(events) {
    const tx = (await workspaceDatabase()).transaction('events', 'readwrite');
    const puts = events.map((event) => tx.store.put(event));
    // Without waiting for its answer: a page that is being left would be gone before it comes, and the events with it.
    tx.commit();
    await Promise.all([...puts, tx.done]);
  },
  async load(tab) {
    return (await workspaceDatabase()).getAll('events', eventsOf(tab));
  },
  async drop(tab, n) {
    await (await workspaceDatabase()).delete('events', IDBKeyRange.bound([tab, 0], [tab, n]));
  },
  async tabs(attemptId) {
    const tabs: string[] = [];
    let cursor = await (await workspaceDatabase()).transaction('events').store.openCursor();
    while (cursor) {
      const { tab, attemptId: of } = cursor.value;
      if (of === attemptId) tabs.push(tab);
      // Straight to the next tab, past all else that this one holds.
      cursor = await cursor.continue([tab, Number.MAX_SAFE_INTEGER]);
    }
    return tabs;
  },
};
