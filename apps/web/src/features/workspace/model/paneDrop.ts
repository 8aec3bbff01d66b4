/** What a drop does to tabs in a row and to panes side by side; the editor and the terminals alike. */

/** Where on a pane something is dropped: an edge makes another pane there. */
export type PaneSpot = 'left' | 'whole' | 'right';

export const MOST_PANES = 3;

/** The panes after the drop, and which of them has what was dropped. Where there are enough, an edge is as good as the middle. */
export function droppedOnPane<T>(panes: readonly T[], item: T, at: number, spot: PaneSpot): { panes: T[]; pane: number } {
  if (spot === 'whole' || panes.length >= MOST_PANES) return { panes: panes.map((shown, n) => (n === at ? item : shown)), pane: at };
  const pane = spot === 'left' ? at : at + 1;
  return { panes: [...panes.slice(0, pane), item, ...panes.slice(pane)], pane };
}

/** The same for what is in one pane at most, as a terminal is: it leaves the one that it was in. */
export function movedToPane<T>(panes: readonly T[], item: T, at: number, spot: PaneSpot): { panes: T[]; pane: number } {
  const from = panes.indexOf(item);
  if (from === at || from === -1) return from === at ? { panes: [...panes], pane: at } : droppedOnPane(panes, item, at, spot);
  return droppedOnPane(
    panes.filter((shown) => shown !== item),
    item,
    from < at ? at - 1 : at,
    spot,
  );
}

/** The row with one entry in front of another; at the end for null. */
export function movedBefore<T>(row: readonly T[], item: T, before: T | null): T[] {
  if (item === before) return [...row];
  const rest = row.filter((entry) => entry !== item);
  const at = before === null ? rest.length : rest.indexOf(before);
  return [...rest.slice(0, at), item, ...rest.slice(at)];
}

/** The row with one entry a place further to one side, as far as there is one. */
export function movedAlong<T>(row: readonly T[], item: T, by: -1 | 1): T[] {
  const at = row.indexOf(item);
  const to = Math.max(0, Math.min(row.length - 1, at + by));
  return at === -1 ? [...row] : row.toSpliced(at, 1).toSpliced(to, 0, item);
}

/** The entry after another one, or before it: round from the last to the first. */
export function nextAlong<T>(row: readonly T[], item: T, by: -1 | 1): T | undefined {
  return row.at((row.indexOf(item) + by) % row.length);
}

/** Entries in the order that was kept, then those that were not there yet. */
export function inOrder<T>(entries: readonly T[], kept: readonly T[]): T[] {
  return [...kept.filter((entry) => entries.includes(entry)), ...entries.filter((entry) => !kept.includes(entry))];
}
