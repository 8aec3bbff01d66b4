import type { DraftChange } from './draftStore.ts';

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
    return attempted(
      () =>
        Object.keys(localStorage)
          .filter((key) => key.startsWith(prefixOf(attemptId)))
          .map((key) => JSON.parse(localStorage.getItem(key) ?? 'null') as DraftChange | null)
          .filter((change) => change !== null),
      [],
    );
  },

  forget(attemptId: string): void {
    for (const change of leftDrafts.list(attemptId)) leftDrafts.drop(change);
  },
};
