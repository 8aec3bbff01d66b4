'use client';
import { ContextMenuContent, ContextMenuItem, ContextMenuSeparator } from '@plumbline/ui';
import { useRef } from 'react';
import { ROOT, type TreeRow } from '../model/fileTree.ts';

export interface ExplorerActs {
  create: (kind: 'file' | 'directory') => void;
  upload: () => void;
  find: () => void;
  collapseAll: () => void;
  /** Of the workspace itself where no row is chosen. */
  download: (rows: readonly TreeRow[]) => void;
  rename: (row: TreeRow) => void;
  remove: (rows: readonly TreeRow[]) => void;
}

function downloadWords([first, ...others]: readonly TreeRow[]): string {
  if (!first) return 'Download all as tar';
  if (others.length > 0) return `Download ${others.length + 1} items`;
  return first.kind === 'directory' ? 'Download as tar' : 'Download';
}

/** What can be done with the rows that are chosen, or with the workspace where none is. */
export function ExplorerMenu({
  rows,
  folder,
  away,
  acts,
}: {
  rows: readonly TreeRow[];
  /** Where something new goes. */
  folder: string;
  /** The sandbox cannot be asked for anything. */
  away: boolean;
  acts: ExplorerActs;
}) {
  const afterwards = useRef<(() => void) | null>(null);
  const [first, ...others] = rows;
  const several = others.length > 0 ? ` ${rows.length} items` : '';
  return (
    <ContextMenuContent
      onCloseAutoFocus={(event) => {
        if (!afterwards.current) return;
        event.preventDefault();
        afterwards.current();
        afterwards.current = null;
      }}
    >
      <ContextMenuItem disabled={away} onSelect={() => acts.create('file')}>
        New file…
      </ContextMenuItem>
      <ContextMenuItem disabled={away} onSelect={() => acts.create('directory')}>
        New folder…
      </ContextMenuItem>
      <ContextMenuItem disabled={away} onSelect={acts.upload}>
        Upload here…
      </ContextMenuItem>
      <ContextMenuSeparator />
      <ContextMenuItem
        disabled={away}
        onSelect={() => {
          // The menu gives the focus back as it closes, which the search takes.
          afterwards.current = acts.find;
        }}
      >
        {folder === ROOT ? 'Find in all files…' : first?.path === folder ? 'Find in this folder…' : 'Find in its folder…'}
      </ContextMenuItem>
      <ContextMenuItem onSelect={acts.collapseAll}>Collapse all folders</ContextMenuItem>
      <ContextMenuSeparator />
      <ContextMenuItem disabled={away} onSelect={() => acts.download(rows)}>
        {downloadWords(rows)}
      </ContextMenuItem>
      {first ? (
        <>
          <ContextMenuItem onSelect={() => void navigator.clipboard.writeText(rows.map(({ path }) => path).join('\n'))}>
            {several ? `Copy ${rows.length} paths` : 'Copy path'}
          </ContextMenuItem>
          <ContextMenuSeparator />
          {several ? null : (
            <ContextMenuItem disabled={away} onSelect={() => acts.rename(first)}>
              Rename…
            </ContextMenuItem>
          )}
          <ContextMenuItem disabled={away} onSelect={() => acts.remove(rows)}>
            {`Delete${several}`}
          </ContextMenuItem>
        </>
      ) : null}
    </ContextMenuContent>
  );
}
