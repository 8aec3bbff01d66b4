import { useState } from 'react';

/** Which terminals of an attempt stand side by side: the view of one person, kept over reloads in their browser. */
export function useTerminalPanes(attemptId: string): [number[], (panes: number[]) => void] {
  const key = `plumbline-terminal-panes-${attemptId}`;
  const [panes, setPanes] = useState<number[]>(() => readPanes(localStorage.getItem(key)));
  return [
    panes,
    (next) => {
      setPanes(next);
      localStorage.setItem(key, JSON.stringify(next));
    },
  ];
}

/** What was stored, or nothing where it is not a list of terminal numbers. */
export function readPanes(stored: string | null): number[] {
  try {
    const panes: unknown = JSON.parse(stored ?? '[]');
    return Array.isArray(panes) && panes.every((pane) => Number.isInteger(pane)) ? panes : [];
  } catch {
    return [];
  }
}
