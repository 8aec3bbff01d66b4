import { type DBSchema, type IDBPDatabase, openDB } from 'idb';

/** What a tab keeps in the browser so that a reload or a crash loses nothing: recorded events and unsaved text. */

export interface StoredEvent {
  tab: string;
  n: number;
  attemptId: string;
  type: string;
  monoMs: number;
  data: unknown;
}

export interface Draft {
  attemptId: string;
  path: string;
  /** The tab that wrote it. */
  tab: string;
  text: string;
  /** Hash of the file on disk that the text started from; null for a new file. */
  baseHash: string | null;
}

interface Schema extends DBSchema {
  events: { key: [string, number]; value: StoredEvent };
  drafts: { key: [string, string]; value: Draft };
}

// What is put is committed without waiting for its answer: a page that is being left would be gone before it comes, and the text with it.

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

export interface DraftStore {
  put(draft: Draft): Promise<void>;
  get(attemptId: string, path: string): Promise<Draft | undefined>;
  delete(attemptId: string, path: string): Promise<void>;
  /** The files of an attempt with a draft. */
  paths(attemptId: string): Promise<string[]>;
}

let opening: Promise<IDBPDatabase<Schema>> | null = null;

function database(): Promise<IDBPDatabase<Schema>> {
  opening ??= openDB<Schema>('plumbline-workspace', 1, {
    upgrade(db) {
      db.createObjectStore('events', { keyPath: ['tab', 'n'] });
      db.createObjectStore('drafts', { keyPath: ['attemptId', 'path'] });
    },
    terminated() {
      opening = null;
    },
  }).catch((error: unknown) => {
    opening = null;
    throw error;
  });
  return opening;
}

export const indexedOutboxStore: OutboxesStore = {
  async put(events) {
    const tx = (await database()).transaction('events', 'readwrite');
    const puts = events.map((event) => tx.store.put(event));
    tx.commit();
    await Promise.all([...puts, tx.done]);
  },
  async load(tab) {
    return (await database()).getAll('events', eventsOf(tab));
  },
  async drop(tab, n) {
    await (await database()).delete('events', IDBKeyRange.bound([tab, 0], [tab, n]));
  },
  async tabs(attemptId) {
    const tabs: string[] = [];
    let cursor = await (await database()).transaction('events').store.openCursor();
    while (cursor) {
      const { tab, attemptId: of } = cursor.value;
      if (of === attemptId) tabs.push(tab);
      // Straight to the next tab, past all else that this one holds.
      cursor = await cursor.continue([tab, Number.MAX_SAFE_INTEGER]);
    }
    return tabs;
  },
};

/** Forgets the unsaved text and the unsent events of attempts that are over: nothing can be done with them any more. */
export async function forgetAttempts(attemptIds: readonly string[]): Promise<void> {
  const tx = (await database()).transaction(['drafts', 'events'], 'readwrite');
  const over = new Set(attemptIds);
  for (const attemptId of over) await tx.objectStore('drafts').delete(draftsOf(attemptId));
  const events = tx.objectStore('events');
  let cursor = await events.openCursor();
  while (cursor) {
    const { tab, attemptId } = cursor.value;
    if (over.has(attemptId)) await events.delete(eventsOf(tab));
    cursor = await cursor.continue([tab, Number.MAX_SAFE_INTEGER]);
  }
  await tx.done;
}

/** All of an attempt's drafts: a list stands behind every text. */
const draftsOf = (attemptId: string) => IDBKeyRange.bound([attemptId, ''], [attemptId, []]);
/** All of a tab's events. */
const eventsOf = (tab: string) => IDBKeyRange.bound([tab, 0], [tab, Number.MAX_SAFE_INTEGER]);

export const indexedDraftStore: DraftStore = {
  async put(draft) {
    const tx = (await database()).transaction('drafts', 'readwrite');
    const put = tx.store.put(draft);
    tx.commit();
    await Promise.all([put, tx.done]);
  },
  async get(attemptId, path) {
    return (await database()).get('drafts', [attemptId, path]);
  },
  async delete(attemptId, path) {
    await (await database()).delete('drafts', [attemptId, path]);
  },
  async paths(attemptId) {
    const keys = await (await database()).getAllKeys('drafts', draftsOf(attemptId));
    return keys.map(([, path]) => path);
  },
};
