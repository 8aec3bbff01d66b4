'use client';
import { useEffect } from 'react';

/** Has this browser forget what it keeps of these attempts, which are over. Draws nothing. */
export function EndedAttempts({ attemptIds }: { attemptIds: string[] }) {
  const ended = attemptIds.join();
  useEffect(() => {
    if (ended === '') return;
    const over = ended.split(',');
    void import('../model/openList.ts').then(({ forgetOpenLists }) => forgetOpenLists(over));
    // A browser that keeps nothing has nothing to forget.
    import('../model/workspaceDatabase.ts').then(({ forgetAttempts }) => forgetAttempts(over)).catch(() => {});
  }, [ended]);
  return null;
}
