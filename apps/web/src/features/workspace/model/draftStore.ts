import { leftDrafts } from './leftDrafts.ts';
import { draftsOf, workspaceDatabase } from './workspaceDatabase.ts';

export interface Draft {
  attemptId: string;
  path: string;
  /** The tab that wrote it. */
  tab: string;
  text: string;
  /** Hash of the file on disk that the text started from; null for a new file. */
  baseHash: string | null;
}

/** What a file's draft becomes; null where there is none any more. */
export interface DraftChange {
  attemptId: string;
  path: string;
  draft: Draft | null;
  /** It is dropped where it is this tab's, and stays where another one of this browser wrote it. */
  ofTab?: string | undefined;
}

/** Where unsaved text is kept. A change of a file's draft replaces those that were not written yet. */
export interface DraftStore {
  put(draft: Draft): Promise<void>;
  get(attemptId: string, path: string): Promise<Draft | undefined>;
  /** `ofTab`: only where that tab wrote it. */
  delete(attemptId: string, path: string, ofTab?: string): Promise<void>;
  /** The files of an attempt with a draft. */
  paths(attemptId: string): Promise<string[]>;
  /** Keeps at once what is not written: the page may be gone in a moment. */
  flush(): void;
}

/** A file's draft that is being written. */
interface Writing {
  change: DraftChange;
  /** What it became meanwhile. */
  next: DraftChange | null;
  written: Promise<void>;
}

/**
 * Writes the drafts of a file one at a time: of several that wait when a page goes away, Chromium may drop the last, or write an older
 * one after it. So the last of a page that is left is kept where a page writes without waiting, and the next page writes it here.
 */
class DraftWrites {
  private readonly files = new Map<string, Writing>();

  /** Resolves once this change, or a newer one in its place, is written. */
  write(change: DraftChange): Promise<void> {
    const key = JSON.stringify([change.attemptId, change.path]);
    const begun = this.files.get(key);
    if (begun) {
      begun.next = change;
      return begun.written;
    }
    const writing: Writing = { change, next: null, written: Promise.resolve() };
    this.files.set(key, writing);
    writing.written = this.run(key, writing);
    return writing.written;
  }

  /** Resolves once nothing of these files is being written, what the last page left included. */
  async settled(attemptId: string): Promise<void> {
    for (const change of leftDrafts.list(attemptId)) void this.write(change).catch(() => {});
    const writings = [...this.files.values()].filter(({ change }) => change.attemptId === attemptId);
    await Promise.all(writings.map(({ written }) => written.catch(() => {})));
  }

  flush(): void {
    for (const { change, next } of this.files.values()) leftDrafts.leave(next ?? change);
  }

  private async run(key: string, writing: Writing): Promise<void> {
    try {
      while (true) {
        const failure = await writeNow(writing.change).then(
          () => null,
          (error: unknown) => ({ error }),
        );
        if (writing.next) {
          writing.change = writing.next;
          writing.next = null;
          continue;
        }
        if (failure) throw failure.error;
        // The page went on after all.
        leftDrafts.drop(writing.change);
        return;
      }
    } finally {
      this.files.delete(key);
    }
  }
}

async function writeNow({ attemptId, path, draft, ofTab }: DraftChange): Promise<void> {
  const tx = (await workspaceDatabase()).transaction('drafts', 'readwrite');
  if (ofTab !== undefined && (await tx.store.get([attemptId, path]))?.tab !== ofTab) return tx.done;
  const written = draft ? tx.store.put(draft) : tx.store.delete([attemptId, path]);
  // Without waiting for its answer: a tab that crashes would be gone before it comes, and the text with it.
  tx.commit();
  await Promise.all([written, tx.done]);
}

const writes = new DraftWrites();

export const indexedDraftStore: DraftStore = {
  put: (draft) => writes.write({ attemptId: draft.attemptId, path: draft.path, draft }),
  delete: (attemptId, path, ofTab) => writes.write({ attemptId, path, draft: null, ofTab }),
  flush: () => writes.flush(),
  async get(attemptId, path) {
    await writes.settled(attemptId);
    return (await workspaceDatabase()).get('drafts', [attemptId, path]);
  },
  async paths(attemptId) {
    await writes.settled(attemptId);
    const keys = await (await workspaceDatabase()).getAllKeys('drafts', draftsOf(attemptId));
    return keys.map(([, path]) => path);
  },
};
