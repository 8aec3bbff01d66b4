import { isSealedKind } from './activityRows.ts';
import type { IndexedEvents } from './recordingIndex.ts';

/** Takes out of an index what a seal withholds from `fromMs` until before `toMs`. That a terminal was opened then, and a command run, stays. */
export function withholdStretch(index: IndexedEvents, fromMs: number, toMs: number): void {
  const isSealed = ({ atMs }: { atMs: number }) => atMs >= fromMs && atMs < toMs;
  const isOpening = (screen: IndexedEvents['screens'][number]) =>
    index.terminals.some(({ terminal, openedAtMs }) => terminal === screen.terminal && openedAtMs === screen.atMs);
  for (const command of index.commands) if (isSealed(command)) Object.assign(command, { text: null, directory: '' });
  keepOnly(index.screens, (screen) => !isSealed(screen) || isOpening(screen));
  keepOnly(index.editorBases, (base) => !isSealed(base));
  keepOnly(index.markers, (marker) => marker.kind !== 'paste' || !isSealed(marker));
  keepOnly(index.activityRows, (row) => !isSealedKind(row.kind) || !isSealed(row));
}

function keepOnly<T>(list: T[], isKept: (item: T) => boolean): void {
  list.splice(0, list.length, ...list.filter(isKept));
}
