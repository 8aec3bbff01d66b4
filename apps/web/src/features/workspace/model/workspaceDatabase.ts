import { type DBSchema, type IDBPDatabase, openDB } from 'idb';
import type { Draft } from './draftStore.ts';
import { leftDrafts } from './leftDrafts.ts';
import type { StoredEvent } from './outboxStore.ts';

/** What a tab keeps in the browser so that a reload or a crash loses nothing: recorded events and unsaved text. */
export interface WorkspaceSchema extends DBSchema {
  events: { key: [string, number]; value: StoredEvent };
  drafts: { key: [string, string]; value: Draft };
}

let opening: Promise<IDBPDatabase<WorkspaceSchema>> | null = null;

/** The browser's database of all attempts, opened once. Rejects where the browser stores nothing. */
export function workspaceDatabase(): Promise<IDBPDatabase<WorkspaceSchema>> {
  opening ??= openDB<WorkspaceSchema>('plumbline-workspace', 1, {
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

/** Forgets the unsaved text and the unsent events of attempts that are over: nothing can be done with them any more. */
export async function forgetAttempts(attemptIds: readonly string[]): Promise<void> {
  const tx = (await workspaceDatabase()).transaction(['drafts', 'events'], 'readwrite');
  const over = new Set(attemptIds);
  for (const attemptId of over) {
    leftDrafts.forget(attemptId);
    await tx.objectStore('drafts').delete(draftsOf(attemptId));
  }
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
export const draftsOf = (attemptId: string) => IDBKeyRange.bound([attemptId, ''], [attemptId, []]);
/** All of a tab's events. */
export const eventsOf = (tab: string) => IDBKeyRange.bound([tab, 0], [tab, Number.MAX_SAFE_INTEGER]);
