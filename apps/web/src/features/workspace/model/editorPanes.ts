import type { OpenFile } from './openFile.ts';
import { droppedOnPane, MOST_PANES, type PaneSpot } from './paneDrop.ts';

/** Which open file each pane of the editor shows, and which pane has the focus. */

export interface OpenFilesState {
  files: OpenFile[];
  /** The file in the pane that has the focus. */
  active: string | null;
  /** What each pane of the editor shows, from left to right; never empty. */
  panes: (string | null)[];
  /** Which pane has the focus. */
  pane: number;
}

type Panes = Omit<OpenFilesState, 'files'>;

/** Shows an open file in the pane that has the focus. */
export function shownInPane({ panes, pane }: Panes, path: string): Partial<Panes> {
  return { active: path, panes: panes.map((shown, at) => (at === pane ? path : shown)) };
}

/** Another pane beside the one that has the focus, with the same file; null where there are enough. */
export function splitPane({ panes, pane, active }: Panes): Partial<Panes> | null {
  if (panes.length >= MOST_PANES) return null;
  return { panes: [...panes.slice(0, pane + 1), active, ...panes.slice(pane + 1)], pane: pane + 1 };
}

/** A file dropped on a pane is shown there, or beside it, and has the focus. */
export function droppedFile({ panes }: Panes, path: string, at: number, spot: PaneSpot): Partial<Panes> {
  return { ...droppedOnPane(panes, path, at, spot), active: path };
}

/** Without a pane; null where it is the last one. */
export function closedPane({ panes, pane }: Panes, at: number): Partial<Panes> | null {
  if (panes.length <= 1) return null;
  const rest = panes.filter((_, index) => index !== at);
  const next = Math.min(pane > at ? pane - 1 : pane, rest.length - 1);
  return { panes: rest, pane: next, active: rest[next] ?? null };
}

/** With the focus in a pane; null where it is there, or there is no such pane. */
export function focusedPane({ panes, pane }: Panes, at: number): Partial<Panes> | null {
  if (at === pane || at >= panes.length) return null;
  return { pane: at, active: panes[at] ?? null };
}

/** Without a file: its panes show its neighbour. */
export function withoutFile({ files, panes, pane }: OpenFilesState, path: string): Partial<OpenFilesState> {
  const at = files.findIndex((file) => file.path === path);
  const rest = files.filter((file) => file.path !== path);
  const neighbour = rest[Math.min(at, rest.length - 1)]?.path ?? null;
  const shown = panes.map((one) => (one === path ? neighbour : one));
  return { files: rest, panes: shown, active: shown[pane] ?? null };
}

/** With a file under another path: in its place, and in the panes that show it. */
export function renamedFile({ files, panes, active }: OpenFilesState, path: string, target: string): Partial<OpenFilesState> {
  const moved = (one: string | null) => (one === path ? target : one);
  return {
    files: files.map((file) => (file.path === path ? { ...file, path: target } : file)),
    panes: panes.map(moved),
    active: moved(active),
  };
}
