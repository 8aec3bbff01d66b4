'use client';
import {
  Button,
  ConfirmDialog,
  ContextMenu,
  ContextMenuContent,
  ContextMenuItem,
  ContextMenuSeparator,
  ContextMenuTrigger,
  cn,
  formatBytes,
  Spinner,
} from '@plumbline/ui';
import { ChevronDown, ChevronRight, File, FilePlus, FileSymlink, Folder, FolderOpen, FolderPlus, RefreshCw } from 'lucide-react';
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import { FileTree, joinPath, parentOf, ROOT, type TreeRow } from '../model/fileTree.ts';
import type { OpenFiles } from '../model/openFiles.ts';
import { NameDialog } from './NameDialog.tsx';
import { useSession, useSessionState, useStore } from './useAttemptSession.ts';

type Asking = { kind: 'file' | 'directory'; folder: string } | { kind: 'rename'; row: TreeRow } | { kind: 'delete'; row: TreeRow } | null;

function RowIcon({ row }: { row: TreeRow }) {
  if (row.kind === 'directory')
    return row.expanded ? <FolderOpen aria-hidden className="size-4 text-muted" /> : <Folder aria-hidden className="size-4 text-muted" />;
  if (row.kind === 'symlink') return <FileSymlink aria-hidden className="size-4 text-muted" />;
  return <File aria-hidden className="size-4 text-muted" />;
}

/** The workspace's files. Arrow keys walk the tree, Enter opens, F2 renames, Delete asks and deletes. */
export function Explorer({ tree, files }: { tree: FileTree; files: OpenFiles | null }) {
  const session = useSession();
  const state = useStore(tree.store);
  const { connection } = useSessionState();
  const rows = useMemo(() => FileTree.rows(state), [state]);
  const [selected, setSelected] = useState<string | null>(null);
  const [asking, setAsking] = useState<Asking>(null);
  const [refreshing, setRefreshing] = useState(false);
  const list = useRef<HTMLDivElement>(null);
  const away = connection.kind !== 'open';
  const root = state.folders.get(ROOT);
  const at = rows.findIndex((row) => row.path === selected);
  const current = rows[at];
  const folderHere = !current ? ROOT : current.kind === 'directory' ? current.path : parentOf(current.path);

  useEffect(() => {
    if (selected !== null) list.current?.querySelector(`[data-path="${CSS.escape(selected)}"]`)?.scrollIntoView({ block: 'nearest' });
  }, [selected]);

  const open = (row: TreeRow) => {
    if (row.kind === 'directory') tree.toggle(row.path);
    else void files?.open(row.path);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Record<string, () => void> = {
      ArrowDown: () => setSelected(rows[Math.min(rows.length - 1, at + 1)]?.path ?? null),
      ArrowUp: () => setSelected(rows[Math.max(0, at - 1)]?.path ?? null),
      Home: () => setSelected(rows[0]?.path ?? null),
      End: () => setSelected(rows.at(-1)?.path ?? null),
      ArrowRight: () => {
        if (current?.kind !== 'directory') return;
        if (current.expanded) setSelected(rows[at + 1]?.path ?? selected);
        else tree.toggle(current.path);
      },
      ArrowLeft: () => {
        if (current?.expanded) tree.toggle(current.path);
        else if (current && current.depth > 0) setSelected(parentOf(current.path));
      },
      Enter: () => current && open(current),
      ' ': () => current && open(current),
      F2: () => current && setAsking({ kind: 'rename', row: current }),
      Delete: () => current && setAsking({ kind: 'delete', row: current }),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    move();
  };

  const submitName = async (name: string) => {
    if (asking?.kind === 'rename') {
      const to = joinPath(parentOf(asking.row.path), name);
      await tree.rename(asking.row.path, to);
      await files?.renamed(asking.row.path, to);
      setSelected(to);
    } else if (asking?.kind === 'file' || asking?.kind === 'directory') {
      const path = joinPath(asking.folder, name);
      await tree.create(path, asking.kind);
      await tree.reveal(path);
      setSelected(path);
      if (asking.kind === 'file') await files?.open(path);
    }
  };

  const refresh = async () => {
    setRefreshing(true);
    await tree.refresh();
    setRefreshing(false);
  };

  return (
    <section aria-label="Files" className="flex h-full flex-col" onFocus={() => session.panelFocused('explorer')}>
      <div className="flex h-8 shrink-0 items-center gap-1 border-b border-border px-2">
        <h2 className="flex-1 text-xs font-medium text-muted">Files</h2>
        <Button
          variant="ghost"
          size="icon-sm"
          aria-label="New file"
          disabled={away}
          onClick={() => setAsking({ kind: 'file', folder: folderHere })}
          data-testid="explorer-new-file"
        >
          <FilePlus />
        </Button>
        <Button
          variant="ghost"
          size="icon-sm"
          aria-label="New folder"
          disabled={away}
          onClick={() => setAsking({ kind: 'directory', folder: folderHere })}
        >
          <FolderPlus />
        </Button>
        <Button
          variant="ghost"
          size="icon-sm"
          aria-label="Refresh"
          disabled={away || refreshing}
          onClick={() => void refresh()}
          data-testid="explorer-refresh"
        >
          <RefreshCw className={refreshing ? 'animate-spin' : undefined} />
        </Button>
      </div>
      <div
        ref={list}
        role="tree"
        tabIndex={0}
        aria-label="Files of the workspace"
        aria-activedescendant={current ? `tree-${current.path}` : undefined}
        onKeyDown={onKeyDown}
        className="min-h-0 flex-1 overflow-auto py-1 outline-none focus-visible:ring-1 focus-visible:ring-accent focus-visible:ring-inset"
      >
        {rows.map((row) => (
          <ContextMenu key={row.path}>
            <ContextMenuTrigger asChild>
              {/* biome-ignore lint/a11y/useKeyWithClickEvents: the tree around it takes the keys. */}
              <div
                id={`tree-${row.path}`}
                role="treeitem"
                tabIndex={-1}
                aria-level={row.depth + 1}
                aria-selected={row.path === selected}
                aria-expanded={row.kind === 'directory' ? row.expanded : undefined}
                data-testid="explorer-item"
                data-path={row.path}
                data-kind={row.kind}
                title={row.kind === 'directory' ? row.path : `${row.path} · ${formatBytes(row.size)}`}
                onClick={() => {
                  setSelected(row.path);
                  list.current?.focus();
                  open(row);
                }}
                onContextMenu={() => setSelected(row.path)}
                style={{ paddingLeft: 8 + row.depth * 12 }}
                className={cn(
                  'flex h-6 cursor-default items-center gap-1 pr-2 text-sm whitespace-nowrap select-none hover:bg-hover',
                  row.path === selected && 'bg-accent-soft',
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
                {row.truncated ? <span className="text-xs text-muted">(not all listed)</span> : null}
              </div>
            </ContextMenuTrigger>
            <ContextMenuContent>
              {row.kind === 'directory' ? (
                <>
                  <ContextMenuItem onSelect={() => setAsking({ kind: 'file', folder: row.path })}>New file…</ContextMenuItem>
                  <ContextMenuItem onSelect={() => setAsking({ kind: 'directory', folder: row.path })}>New folder…</ContextMenuItem>
                  <ContextMenuSeparator />
                </>
              ) : null}
              <ContextMenuItem onSelect={() => setAsking({ kind: 'rename', row })}>Rename…</ContextMenuItem>
              <ContextMenuItem onSelect={() => setAsking({ kind: 'delete', row })}>Delete…</ContextMenuItem>
            </ContextMenuContent>
          </ContextMenu>
        ))}
        {!root || root.loading ? <Spinner label="Listing files" className="px-3 py-2" /> : null}
        {root?.error ? (
          <div className="space-y-2 px-3 py-2 text-xs text-danger">
            <p>{root.error}</p>
            <Button size="sm" onClick={() => void tree.list(ROOT)}>
              Try again
            </Button>
          </div>
        ) : null}
        {root && !root.loading && !root.error && rows.length === 0 ? (
          <p className="px-3 py-2 text-xs text-muted">The workspace is empty. Create a file here or in a terminal.</p>
        ) : null}
      </div>
      {asking && asking.kind !== 'delete' ? (
        <NameDialog
          title={asking.kind === 'rename' ? `Rename ${asking.row.name}` : asking.kind === 'file' ? 'New file' : 'New folder'}
          label={asking.kind === 'rename' ? 'New name' : `Name in ${asking.folder === ROOT ? 'the workspace' : asking.folder}`}
          initial={asking.kind === 'rename' ? asking.row.name : ''}
          confirmLabel={asking.kind === 'rename' ? 'Rename' : 'Create'}
          onClose={() => setAsking(null)}
          onSubmit={submitName}
        />
      ) : null}
      <ConfirmDialog
        open={asking?.kind === 'delete'}
        onOpenChange={(next) => !next && setAsking(null)}
        title={asking?.kind === 'delete' ? `Delete ${asking.row.name}?` : 'Delete?'}
        description={
          asking?.kind === 'delete' && asking.row.kind === 'directory'
            ? 'The folder and everything in it is deleted. This cannot be undone from here.'
            : 'The file is deleted. This cannot be undone from here.'
        }
        confirmLabel="Delete"
        busyLabel="Deleting"
        tone="danger"
        onConfirm={async () => {
          if (asking?.kind !== 'delete') return;
          await tree.delete(asking.row.path);
          for (const file of files?.store.get().files ?? []) {
            if (file.path === asking.row.path || file.path.startsWith(`${asking.row.path}/`)) files?.close(file.path);
          }
        }}
      />
    </section>
  );
}
