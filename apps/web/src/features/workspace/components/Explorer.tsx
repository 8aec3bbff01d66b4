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
  Spinner,
  Tooltip,
  toast,
} from '@plumbline/ui';
import { CopyMinus, FilePlus, FolderPlus, RefreshCw, Upload } from 'lucide-react';
import { type DragEvent, type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import { filesOfDrop } from '../model/droppedFiles.ts';
import { FileTree, joinPath, parentOf, ROOT, type TreeRow } from '../model/fileTree.ts';
import { isUnder } from '../model/openFile.ts';
import type { OpenFiles } from '../model/openFiles.ts';
import { folderPattern } from '../model/searchReplace.ts';
import type { Transfers } from '../model/transfers.ts';
import { walkTree } from '../model/treeKeys.ts';
import { ChangedFiles } from './ChangedFiles.tsx';
import { NameDialog } from './NameDialog.tsx';
import { ReadFailure } from './ReadFailure.tsx';
import { TransferList } from './TransferList.tsx';
import { folderOf, ROW_HEIGHT_PX, ROW_TYPE, TreeRowView, useRowInSight, useVisibleRows } from './TreeRows.tsx';
import { useSession, useSessionState } from './useAttemptSession.ts';
import { useStore } from './useStore.ts';

type Asking = { kind: 'file' | 'directory'; folder: string } | { kind: 'rename'; row: TreeRow } | { kind: 'delete'; row: TreeRow } | null;

const UNDO_SHOWN_MS = 20_000;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'That did not work. Try again.';
}

/**
 * The workspace's files. Arrow keys walk the tree, Enter opens, F2 renames, Delete deletes (and can be undone). Rows are
 * moved by dragging them onto a folder; files of one's own machine are uploaded by dropping them there.
 */
export function Explorer({
  tree,
  files,
  transfers,
  onOpen,
  onSearch,
  onCompare,
}: {
  tree: FileTree;
  files: OpenFiles | null;
  transfers: Transfers;
  onOpen: (path: string) => void;
  /** Opens the search for files of this pattern alone. */
  onSearch: (include: string) => void;
  /** Opens a file beside what it was at the start. */
  onCompare: (path: string) => void;
}) {
  const session = useSession();
  const state = useStore(tree.store);
  const { connection } = useSessionState();
  const rows = useMemo(() => FileTree.rows(state), [state]);
  const [selected, setSelected] = useState<string | null>(null);
  const [asking, setAsking] = useState<Asking>(null);
  const [refreshing, setRefreshing] = useState(false);
  const [dropFolder, setDropFolder] = useState<string | null>(null);
  const list = useRef<HTMLDivElement>(null);
  const afterMenu = useRef<(() => void) | null>(null);
  const chooser = useRef<HTMLInputElement>(null);
  const visible = useVisibleRows(list, rows.length);
  const away = connection.kind !== 'open';
  const root = state.folders.get(ROOT);
  const at = useMemo(() => rows.findIndex((row) => row.path === selected), [rows, selected]);
  const current = rows[at];
  const folderHere = folderOf(current);

  useRowInSight(list, at);

  const open = (row: TreeRow) => {
    if (row.kind === 'directory') tree.toggle(row.path);
    else onOpen(row.path);
  };

  const filesUnder = (folder: string) => (files?.store.get().files ?? []).filter(({ path }) => isUnder(path, folder));

  const undelete = async (undo: string, path: string) => {
    // Where it had the focus, the message would take it back from whatever is clicked next.
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    try {
      await tree.undelete(undo, path);
      setSelected(path);
    } catch (error) {
      toast.error(messageOf(error));
    }
  };

  /** Deletes what can be brought back at once, and asks where it cannot. */
  const remove = async (row: TreeRow) => {
    if (filesUnder(row.path).some(({ dirty }) => dirty)) {
      setAsking({ kind: 'delete', row });
      return;
    }
    try {
      const undo = await tree.delete(row.path, true);
      files?.deleted(row.path);
      setSelected(rows[at + 1]?.path ?? rows[at - 1]?.path ?? null);
      if (undo)
        toast(`Deleted ${row.name}`, { duration: UNDO_SHOWN_MS, action: { label: 'Undo', onClick: () => void undelete(undo, row.path) } });
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'too_large') setAsking({ kind: 'delete', row });
      else toast.error(messageOf(error));
    }
  };

  const move = async (from: string, folder: string) => {
    const to = joinPath(folder, from.slice(from.lastIndexOf('/') + 1));
    if (to === from || folder === from || folder.startsWith(`${from}/`)) return;
    try {
      await tree.rename(from, to);
      await files?.renamed(from, to);
      await tree.reveal(to);
      setSelected(to);
    } catch (error) {
      toast.error(`${from} was not moved: ${messageOf(error)}`);
    }
  };

  const collapseAll = () => {
    tree.collapseAll();
    setSelected((path) => path?.split('/')[0] ?? null);
  };

  const findHere = () => onSearch(folderPattern(folderHere));

  const commands = useRef<Record<string, () => void>>({});
  commands.current = { collapse: collapseAll, find: findHere };
  useEffect(() => {
    const onCommand = (event: CustomEvent<string>) => commands.current[event.detail]?.();
    window.addEventListener('plumbline:files', onCommand as EventListener);
    return () => window.removeEventListener('plumbline:files', onCommand as EventListener);
  }, []);

  const onKeyDown = (event: KeyboardEvent) =>
    walkTree(event, {
      rows,
      at,
      isFolder: ({ kind }) => kind === 'directory',
      choose: setSelected,
      toggle: ({ path }) => tree.toggle(path),
      open,
      others: {
        F2: () => current && setAsking({ kind: 'rename', row: current }),
        Delete: () => current && !away && void remove(current),
      },
    });

  const rowAt = (event: DragEvent) => {
    const path = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-path]')?.dataset.path : undefined;
    return rows.find((row) => row.path === path);
  };
  const onDragOver = (event: DragEvent) => {
    const { types } = event.dataTransfer;
    if (away || !(types.includes(ROW_TYPE) || types.includes('Files'))) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = types.includes(ROW_TYPE) ? 'move' : 'copy';
    setDropFolder(folderOf(rowAt(event)));
  };
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setDropFolder(null);
    const folder = folderOf(rowAt(event));
    const moved = event.dataTransfer.getData(ROW_TYPE);
    if (moved) {
      void move(moved, folder);
      return;
    }
    void filesOfDrop(event.dataTransfer.items, folder).then(({ files: incoming, folders, unread }) => {
      transfers.upload(incoming);
      tree.createFolders(folders).catch((error: unknown) => toast.error(`Not all folders were made: ${messageOf(error)}`));
      const [first, ...others] = unread;
      if (first) toast.error(`Not uploaded, as it could not be read: ${first}${others.length > 0 ? ` and ${others.length} more` : ''}`);
    });
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
      if (asking.kind === 'file') onOpen(path);
    }
  };

  const refresh = async () => {
    setRefreshing(true);
    await tree.refresh();
    setRefreshing(false);
  };

  const tools = [
    { label: 'New file', icon: FilePlus, testId: 'explorer-new-file', act: () => setAsking({ kind: 'file', folder: folderHere }) },
    {
      label: 'New folder',
      icon: FolderPlus,
      testId: 'explorer-new-folder',
      act: () => setAsking({ kind: 'directory', folder: folderHere }),
    },
    { label: 'Upload files', icon: Upload, testId: 'explorer-upload', act: () => chooser.current?.click() },
    { label: 'Collapse all folders', icon: CopyMinus, testId: 'explorer-collapse', act: collapseAll },
    { label: 'Refresh', icon: RefreshCw, testId: 'explorer-refresh', act: () => void refresh() },
  ];

  return (
    <section aria-label="Files" className="flex h-full flex-col" onFocus={() => session.panelFocused('explorer')}>
      <div className="flex h-8 shrink-0 items-center gap-1 border-b border-border px-2">
        <h2 className="flex-1 truncate text-xs font-medium text-muted">Files</h2>
        {tools.map(({ label, icon: Icon, testId, act }) => (
          <Tooltip key={label} label={label}>
            <Button
              variant="ghost"
              size="icon-sm"
              aria-label={label}
              disabled={away && act !== collapseAll}
              onClick={act}
              data-testid={testId}
            >
              <Icon className={label === 'Refresh' && refreshing ? 'animate-spin' : undefined} />
            </Button>
          </Tooltip>
        ))}
        <input
          ref={chooser}
          type="file"
          multiple
          hidden
          aria-label="Files to upload"
          data-testid="upload-input"
          onChange={(event) => {
            transfers.upload([...(event.target.files ?? [])].map((file) => ({ path: joinPath(folderHere, file.name), file })));
            event.target.value = '';
          }}
        />
      </div>
      <ContextMenu>
        <ContextMenuTrigger asChild>
          <div
            ref={list}
            role="tree"
            tabIndex={0}
            aria-label="Files of the workspace"
            aria-activedescendant={current && at >= visible.from && at < visible.to ? `tree-${current.path}` : undefined}
            onKeyDown={onKeyDown}
            onDragOver={onDragOver}
            onDragLeave={() => setDropFolder(null)}
            onDrop={onDrop}
            onPointerDown={(event) => {
              // A menu is about what is pressed, or about all; one that the keyboard opens is about what is selected.
              if (event.button !== 2 && !event.ctrlKey && event.pointerType !== 'touch') return;
              setSelected((event.target as Element).closest('[data-path]')?.getAttribute('data-path') ?? null);
            }}
            data-testid="explorer-tree"
            className={cn(
              'min-h-0 flex-1 overflow-auto outline-none focus-visible:ring-1 focus-visible:ring-accent focus-visible:ring-inset',
              dropFolder === ROOT && 'bg-accent-soft',
            )}
          >
            <div
              role="presentation"
              style={{ paddingTop: visible.from * ROW_HEIGHT_PX, paddingBottom: Math.max(0, rows.length - visible.to) * ROW_HEIGHT_PX }}
            >
              {rows.slice(visible.from, visible.to).map((row) => (
                <TreeRowView
                  key={row.path}
                  row={row}
                  selected={row.path === selected}
                  target={dropFolder !== null && dropFolder !== ROOT && dropFolder === row.path}
                  onClick={() => {
                    setSelected(row.path);
                    list.current?.focus();
                    open(row);
                  }}
                />
              ))}
            </div>
            {!root || root.loading ? <Spinner label="Listing files" className="px-3 py-2" /> : null}
            {root?.error ? (
              <ReadFailure className="m-2" onRetry={() => void tree.list(ROOT)}>
                {root.error}
              </ReadFailure>
            ) : null}
            {root && !root.loading && !root.error && rows.length === 0 ? (
              <p className="px-3 py-2 text-xs text-muted">The workspace is empty. Create a file, drop one here, or use a terminal.</p>
            ) : null}
          </div>
        </ContextMenuTrigger>
        <ContextMenuContent
          onCloseAutoFocus={(event) => {
            if (!afterMenu.current) return;
            event.preventDefault();
            afterMenu.current();
            afterMenu.current = null;
          }}
        >
          <ContextMenuItem disabled={away} onSelect={() => setAsking({ kind: 'file', folder: folderHere })}>
            New file…
          </ContextMenuItem>
          <ContextMenuItem disabled={away} onSelect={() => setAsking({ kind: 'directory', folder: folderHere })}>
            New folder…
          </ContextMenuItem>
          <ContextMenuItem disabled={away} onSelect={() => chooser.current?.click()}>
            Upload here…
          </ContextMenuItem>
          <ContextMenuSeparator />
          <ContextMenuItem
            disabled={away}
            onSelect={() => {
              // The menu gives the focus back as it closes, which the search takes.
              afterMenu.current = findHere;
            }}
          >
            {folderHere === ROOT ? 'Find in all files…' : current?.kind === 'directory' ? 'Find in this folder…' : 'Find in its folder…'}
          </ContextMenuItem>
          <ContextMenuItem onSelect={collapseAll}>Collapse all folders</ContextMenuItem>
          <ContextMenuSeparator />
          <ContextMenuItem disabled={away} onSelect={() => void transfers.download(current?.path ?? ROOT)}>
            {!current ? 'Download all as tar' : current.kind === 'directory' ? 'Download as tar' : 'Download'}
          </ContextMenuItem>
          {current ? (
            <>
              <ContextMenuItem onSelect={() => void navigator.clipboard.writeText(current.path)}>Copy path</ContextMenuItem>
              <ContextMenuSeparator />
              <ContextMenuItem disabled={away} onSelect={() => setAsking({ kind: 'rename', row: current })}>
                Rename…
              </ContextMenuItem>
              <ContextMenuItem disabled={away} onSelect={() => void remove(current)}>
                Delete
              </ContextMenuItem>
            </>
          ) : null}
        </ContextMenuContent>
      </ContextMenu>
      <ChangedFiles onCompare={onCompare} />
      <TransferList transfers={transfers} />
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
        title={asking?.kind === 'delete' ? `Delete ${asking.row.name} for good?` : 'Delete?'}
        description="It is too large to be kept, or has unsaved changes in the editor, so deleting it cannot be undone from here."
        confirmLabel="Delete"
        busyLabel="Deleting"
        tone="danger"
        onConfirm={async () => {
          if (asking?.kind !== 'delete') return;
          await tree.delete(asking.row.path, false);
          for (const file of filesUnder(asking.row.path)) files?.close(file.path);
        }}
      />
    </section>
  );
}
