'use client';
import { cn, formatBytes } from '@plumbline/ui';
import { ChevronDown, ChevronRight, File, FileSymlink, Folder, FolderOpen } from 'lucide-react';
import { type DragEvent, type MouseEvent, type RefObject, useEffect, useLayoutEffect, useState } from 'react';
import { parentOf, ROOT, type TreeRow } from '../model/fileTree.ts';

export const ROW_HEIGHT_PX = 24;
/** Rows drawn beyond the visible ones, so that a fast scroll finds them there. */
const BEYOND = 20;
/** What a row that is dragged carries, paths parted by null characters: only this tree takes it. */
export const ROW_TYPE = 'application/x-plumbline-paths';

/** The rows that are in sight of a scrolling box, as a stretch of indices. */
export function useVisibleRows(box: RefObject<HTMLElement | null>, count: number): { from: number; to: number } {
  const [view, setView] = useState({ top: 0, height: 600 });
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const read = () => setView({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(read);
    observer.observe(element);
    element.addEventListener('scroll', read, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', read);
    };
  }, [box]);
  const from = Math.max(0, Math.floor(view.top / ROW_HEIGHT_PX) - BEYOND);
  return { from, to: Math.min(count, Math.ceil((view.top + view.height) / ROW_HEIGHT_PX) + BEYOND) };
}

/** Scrolls the row that was chosen into sight; none where the index is below 0. */
export function useRowInSight(box: RefObject<HTMLElement | null>, at: number): void {
  useEffect(() => {
    const list = box.current;
    if (at < 0 || !list) return;
    const top = at * ROW_HEIGHT_PX;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + ROW_HEIGHT_PX > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW_HEIGHT_PX - list.clientHeight;
  }, [box, at]);
}

function RowIcon({ row }: { row: TreeRow }) {
  const Icon = row.kind === 'directory' ? (row.expanded ? FolderOpen : Folder) : row.kind === 'symlink' ? FileSymlink : File;
  return <Icon aria-hidden className="size-4 shrink-0 text-muted" />;
}

/** The folder that a drop on this row goes into. */
export function folderOf(row: TreeRow | undefined): string {
  if (!row) return ROOT;
  return row.kind === 'directory' ? row.path : parentOf(row.path);
}

export function TreeRowView({
  row,
  selected,
  isAt,
  carried,
  target,
  onClick,
}: {
  row: TreeRow;
  selected: boolean;
  /** The keyboard stands here, of several rows that are chosen. */
  isAt: boolean;
  /** What goes along when the row is dragged. */
  carried: () => string[];
  /** A drag hovers over the folder that this row is, or is in. */
  target: boolean;
  onClick: (event: MouseEvent) => void;
}) {
  const onDragStart = (event: DragEvent) => {
    const paths = carried();
    event.dataTransfer.setData(ROW_TYPE, paths.join('\0'));
    event.dataTransfer.setData('text/plain', paths.join('\n'));
    event.dataTransfer.effectAllowed = 'move';
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree around it takes the keys.
    <div
      id={`tree-${row.path}`}
      role="treeitem"
      tabIndex={-1}
      aria-level={row.depth + 1}
      aria-selected={selected}
      aria-expanded={row.kind === 'directory' ? row.expanded : undefined}
      data-testid="explorer-item"
      data-path={row.path}
      data-kind={row.kind}
      title={row.kind === 'directory' ? row.path : `${row.path} · ${formatBytes(row.size)}`}
      draggable
      onDragStart={onDragStart}
      onClick={onClick}
      style={{ paddingLeft: 8 + row.depth * 12, height: ROW_HEIGHT_PX }}
      className={cn(
        'flex cursor-default items-center gap-1 pr-2 text-sm whitespace-nowrap select-none hover:bg-hover',
        selected && 'bg-accent-soft',
        isAt && 'outline outline-accent/50 -outline-offset-1',
        target && 'bg-accent-soft outline outline-accent -outline-offset-1',
      )}
    >
      {row.kind === 'directory' ? (
        row.expanded ? (
          <ChevronDown aria-hidden className="size-3 shrink-0 text-muted" />
        ) : (
          <ChevronRight aria-hidden className="size-3 shrink-0 text-muted" />
        )
      ) : (
        <span className="w-3 shrink-0" />
      )}
      <RowIcon row={row} />
      <span className="truncate">{row.name}</span>
      {row.expanded && row.loading ? <span className="text-xs text-muted">(listing)</span> : null}
      {row.expanded && row.error !== null ? (
        <span className="truncate text-xs text-danger" title={row.error}>
          (not listed: {row.error})
        </span>
      ) : null}
      {row.truncated ? <span className="text-xs text-muted">(not all listed)</span> : null}
    </div>
  );
}
