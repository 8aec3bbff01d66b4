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
  toggle: (row: Row) => void;
  open: (row: Row) => void;
  /** What this tree can do besides. */
  others?: Record<string, () => void>;
}

type Key = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'preventDefault'>;

const PAGE_ROWS = 20;

/** Walks a tree: arrows, Page, Home and End choose a row; right and left open and fold a folder; Enter and Space open what is chosen. */
export function walkTree<Row extends WalkedRow>(event: Key, { rows, at, isFolder, choose, toggle, open, others }: TreeKeys<Row>): void {
  const current = rows[at];
  const go = (row: number) => choose(rows[Math.min(rows.length - 1, Math.max(0, row))]?.path ?? null);
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
