'use client';
import { cn, formatBytes } from '@plumbline/ui';
import { ChevronDown, ChevronRight, File, Folder, FolderOpen } from 'lucide-react';
import { type KeyboardEvent, useMemo, useRef, useState } from 'react';
import { ROW_HEIGHT_PX, useRowInSight, useVisibleRows } from '../../workspace/components/TreeRows.tsx';
import { walkTree } from '../../workspace/model/treeKeys.ts';
import { type FileMark, treeRows, type WorkspaceFile, type WorkspaceRow } from '../model/workspaceTree.ts';

const MARK_TONES: Record<FileMark, string> = {
  new: 'text-success',
  saved: 'text-accent',
  changed: 'text-accent',
  renamed: 'text-accent',
  deleted: 'text-danger',
};

/**
 * The files of a moment as a tree. Arrow keys walk it, right and left open and fold, Enter or a click on a file that something happened to
 * goes to when it did.
 */
export function FileTreeView({ files, onSeek }: { files: readonly WorkspaceFile[]; onSeek: (atMs: number) => void }) {
  const [toggled, setToggled] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [selected, setSelected] = useState<string | null>(null);
  const rows = useMemo(() => treeRows(files, toggled), [files, toggled]);
  const box = useRef<HTMLDivElement>(null);
  const visible = useVisibleRows(box, rows.length);
  const at = useMemo(() => rows.findIndex(({ path }) => path === selected), [rows, selected]);
  const current = rows[at];
  useRowInSight(box, at);

  const toggle = (row: WorkspaceRow) => setToggled((before) => new Map(before).set(row.path, !row.expanded));
  const open = (row: WorkspaceRow) => {
    if (row.kind === 'folder') toggle(row);
    else if (row.file !== null && row.file.atMs !== null) onSeek(row.file.atMs);
  };
  const onKeyDown = (event: KeyboardEvent) =>
    walkTree(event, { rows, at, isFolder: ({ kind }) => kind === 'folder', choose: setSelected, toggle, open });

  return (
    <div
      ref={box}
      role="tree"
      aria-label="Files of the workspace"
      aria-activedescendant={current && at >= visible.from && at < visible.to ? `replay-tree-${current.path}` : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
      className="min-h-0 flex-1 overflow-auto py-1"
      data-testid="replay-files"
    >
      <div role="none" style={{ height: rows.length * ROW_HEIGHT_PX, paddingTop: visible.from * ROW_HEIGHT_PX }}>
        {rows.slice(visible.from, visible.to).map((row) => (
          <Row
            key={row.path}
            row={row}
            selected={row.path === selected}
            onClick={() => {
              setSelected(row.path);
              open(row);
            }}
          />
        ))}
      </div>
    </div>
  );
}

function Row({ row, selected, onClick }: { row: WorkspaceRow; selected: boolean; onClick: () => void }) {
  const { file, kind, expanded, changes } = row;
  const Icon = kind === 'file' ? File : expanded ? FolderOpen : Folder;
  const Fold = expanded ? ChevronDown : ChevronRight;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree around it takes the keys.
    <div
      id={`replay-tree-${row.path}`}
      role="treeitem"
      tabIndex={-1}
      aria-level={row.depth + 1}
      aria-selected={selected}
      aria-expanded={kind === 'folder' ? expanded : undefined}
      data-testid="replay-file-row"
      data-path={row.path}
      data-mark={file?.mark ?? undefined}
      title={file?.from ? `${file.from} → ${row.path}` : row.path}
      onClick={onClick}
      style={{ paddingLeft: 8 + row.depth * 12, height: ROW_HEIGHT_PX }}
      className={cn(
        'flex cursor-default items-center gap-1 pr-3 text-xs whitespace-nowrap select-none hover:bg-hover',
        selected && 'bg-accent-soft',
        file?.mark && 'cursor-pointer',
      )}
    >
      {kind === 'folder' ? <Fold aria-hidden className="size-3 shrink-0 text-muted" /> : <span className="w-3 shrink-0" />}
      <Icon aria-hidden className="size-4 shrink-0 text-muted" />
      <span className={cn('min-w-0 flex-1 truncate font-mono', file?.mark === 'deleted' && 'line-through')}>{row.name}</span>
      {changes > 0 ? <span className="text-accent tabular-nums">{changes} changed</span> : null}
      {file?.mark ? <span className={MARK_TONES[file.mark]}>{file.mark}</span> : null}
      {file === null || file.size === null ? null : <span className="text-muted tabular-nums">{formatBytes(file.size)}</span>}
    </div>
  );
}
