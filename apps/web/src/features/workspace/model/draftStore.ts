import type { IDBPTransaction } from 'idb';
import { draftsOf, type WorkspaceSchema, workspaceDatabase } from './workspaceDatabase.ts';

export interface Draft {
  attemptId: string;
  path: string;
  /** The tab that wrote it. */
  tab: string;
  text: string;
  /** Hash of the file on disk that the text started from; null for a new file. */
  baseHash: string | null;
}

/** Where unsaved text is kept. A change of a file's draft replaces those that were not written yet. */
export interface DraftStore {
  put(draft: Draft): Promise<void>;
  get(attemptId: string, path: string): Promise<Draft | undefined>;
  delete(attemptId: string, path: string): Promise<void>;
  /** The files of an attempt with a draft. */
  paths(attemptId: string): Promise<string[]>;
  /** Hands to the browser at once what is not written: the page may be gone in a moment. */
  flush(): void;
}

/** What a file's draft becomes; null where there is none any more. */
type Change = { attemptId: string; path: string; draft: Draft | null };
type Transaction = IDBPTransaction<WorkspaceSchema, ['drafts'], 'readwrite'>;

/** A file's draft that is being written. */
interface Writing {
  change: Change;
  /** None until the database is open. */
  tx: Transaction | null;
  /** The browser writes it though nobody waits for it any more. */
  isHandedOver: boolean;
  /** What it became meanwhile. */
  next: Change | null;
  written: Promise<void>;
}

/**
 * Writes the drafts of a file one at a time. A page that goes away leaves to the browser what it has handed over, and Chromium writes that
 * in no order: of several changes that wait, an older text may be the last. So one alone is begun, and it is handed over when the
 * page is left: the newest, in its place.
 */
class DraftWrites {
  private readonly files = new Map<string, Writing>();

  /** Resolves once this change, or a newer one in its place, is written. */
  write(change: Change): Promise<void> {
    const key = keyOf(change.attemptId, change.path);
    const begun = this.files.get(key);
    if (begun) {
      begun.next = change;
      return begun.written;
    }
    const writing: Writing = { change, tx: null, isHandedOver: false, next: null, written: Promise.resolve() };
    this.files.set(key, writing);
    writing.written = this.run(key, writing);
    return writing.written;
  }

  /** Resolves once nothing of this file is being written. */
  async settled(attemptId: string, path: string): Promise<void> {
    await this.files.get(keyOf(attemptId, path))?.written.catch(() => {});
  }

  flush(): void {
    for (const writing of this.files.values()) {
      if (writing.isHandedOver && !writing.next) continue;
      writing.change = writing.next ?? writing.change;
      writing.next = null;
      if (writing.tx) {
        const { db } = writing.tx;
        if (!writing.isHandedOver) abort(writing.tx);
        writing.tx = begin(db, writing.change);
        writing.tx.commit();
      }
      writing.isHandedOver = true;
    }
  }

  private async run(key: string, writing: Writing): Promise<void> {
    try {
      const db = await workspaceDatabase();
      writing.tx = begin(db, writing.change);
      if (writing.isHandedOver) writing.tx.commit();
      while (true) {
        const tx: Transaction = writing.tx;
        const failure = await tx.done.then(
          () => null,
          (error: unknown) => ({ error }),
        );
        // A flush put another one in its place.
        if (writing.tx !== tx) continue;
        if (!writing.next) {
          if (failure) throw failure.error;
          return;
        }
        writing.change = writing.next;
        writing.next = null;
        writing.isHandedOver = false;
        writing.tx = begin(db, writing.change);
      }
    } finally {
      this.files.delete(key);
    }
  }
}

const keyOf = (attemptId: string, path: string) => JSON.stringify([attemptId, path]);

function begin(db: Transaction['db'], { attemptId, path, draft }: Change): Transaction {
  const tx = db.transaction('drafts', 'readwrite');
  const drafts = tx.store;
  // What goes wrong is the transaction's to say.
  (draft ? drafts.put(draft) : drafts.delete([attemptId, path])).catch(() => {});
  tx.done.catch(() => {});
  return tx;
}

function abort(tx: Transaction): void {
  try {
    tx.abort();
  } catch {
    // It has just been committed by itself.
  }
}

const writes = new DraftWrites();

export const indexedDraftStore: DraftStore = {
  put: (draft) => writes.write({ attemptId: draft.attemptId, path: draft.path, draft }),
  delete: (attemptId, path) => writes.write({ attemptId, path, draft: null }),
  flush: () => writes.flush(),
  async get(attemptId, path) {
    await writes.settled(attemptId, path);
    return (await workspaceDatabase()).get('drafts', [attemptId, path]);
  },
  async paths(attemptId) {
    const keys = await (await workspaceDatabase()).getAllKeys('drafts', draftsOf(attemptId));
    return keys.map(([, path]) => path);
  },
};
