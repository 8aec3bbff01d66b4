import type { DraftChange } from './draftStore.ts';
import { fieldsOf, parsedJson } from './keptJson.ts';

const PREFIX = 'plumbline.draft.';
const prefixOf = (attemptId: string) => `${PREFIX}${attemptId}.`;
const keyOf = ({ attemptId, path }: { attemptId: string; path: string }) => `${prefixOf(attemptId)}${path}`;

/** A browser may keep nothing, or have no room left: then only the reload's safety net is missing. */
function attempted<T>(act: () => T, otherwise: T): T {
  try {
    return act();
  } catch {
    return otherwise;
  }
}

const keysOf = (attemptId: string) => Object.keys(localStorage).filter((key) => key.startsWith(prefixOf(attemptId)));

function readChange(kept: string | null): DraftChange | null {
  const change = parsedJson(kept);
  const { attemptId, path, draft } = fieldsOf(change);
  const isDraft = draft === null || typeof fieldsOf(draft)['text'] === 'string';
  return typeof attemptId === 'string' && typeof path === 'string' && isDraft ? (change as DraftChange) : null;
}

/** What a page that was left had not written of its drafts: in the one store of a browser that a page writes without waiting. */
export const leftDrafts = {
  leave(change: DraftChange): void {
    attempted(() => localStorage.setItem(keyOf(change), JSON.stringify(change)), undefined);
  },

  drop(of: { attemptId: string; path: string }): void {
    attempted(() => localStorage.removeItem(keyOf(of)), undefined);
  },

  /** What was left of an attempt. Whoever has written it drops it. */
  list(attemptId: string): DraftChange[] {
    return attempted(() => keysOf(attemptId).flatMap((key) => readChange(localStorage.getItem(key)) ?? []), []);
  },

  forget(attemptId: string): void {
    attempted(() => {
      for (const key of keysOf(attemptId)) localStorage.removeItem(key);
    }, undefined);
  },
};
