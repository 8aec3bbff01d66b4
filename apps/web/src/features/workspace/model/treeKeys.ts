import { parentOf } from './fileTree.ts';

/** A row of a tree as far as keys go. */
export interface WalkedRow {
  path: string;
  depth: number;
  expanded: boolean;
}

export interface TreeKeys<Row extends WalkedRow> {
  rows: readonly Row[];
  /** The chosen row's index; -1 where there is none. */
  at: number;
  isFolder: (row: Row) => boolean;
  choose: (path: string | null) => void;
  /** Chooses all up to a row, as Shift does; without it Shift makes no difference. */
  chooseTo?: (path: string) => void;
  toggle: (row: Row) => void;
  open: (row: Row) => void;
  /** What this tree can do besides. */
  others?: Record<string, () => void>;
}

type Key = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey' | 'preventDefault'>;

const PAGE_ROWS = 20;

/** Walks a tree: arrows, Page, Home and End choose a row, with Shift all up to it; right and left open and fold a folder; Enter and Space open what is chosen. */
export function walkTree<Row extends WalkedRow>(event: Key, tree: TreeKeys<Row>): void {
  const { rows, at, isFolder, choose, chooseTo, toggle, open, others } = tree;
  const current = rows[at];
  const go = (row: number) => {
    const path = rows[Math.min(rows.length - 1, Math.max(0, row))]?.path ?? null;
    if (event.shiftKey && chooseTo && path !== null) chooseTo(path);
    else choose(path);
  };
  const acts: Record<string, () => void> = {
    ArrowDown: () => go(at + 1),
    ArrowUp: () => go(at - 1),
    PageDown: () => go(at + PAGE_ROWS),
    PageUp: () => go(at - PAGE_ROWS),
    Home: () => go(0),
    End: () => go(rows.length - 1),
    ArrowRight: () => {
      if (!current || !isFolder(current)) return;
      if (current.expanded) go(at + 1);
      else toggle(current);
    },
    ArrowLeft: () => {
      if (current?.expanded) toggle(current);
      else if (current && current.depth > 0) choose(parentOf(current.path));
    },
    Enter: () => current && open(current),
    ' ': () => current && open(current),
    ...others,
  };
  // A MacBook has no Delete.
  const isDelete = event.metaKey && event.key === 'Backspace';
  const act = acts[isDelete ? 'Delete' : event.key];
  if (!act || event.ctrlKey || (event.metaKey && !isDelete) || event.altKey) return;
  event.preventDefault();
  act();
}
