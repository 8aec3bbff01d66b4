'use client';
import { Button, ConfirmDialog, ContextMenu, ContextMenuTrigger, cn, Spinner, Tooltip, toast } from '@plumbline/ui';
import { CopyMinus, FilePlus, FolderPlus, RefreshCw, Upload } from 'lucide-react';
import { type DragEvent, type KeyboardEvent, type MouseEvent, useEffect, useMemo, useRef, useState } from 'react';
import { isApple } from '../model/commands.ts';
import { filesOfDrop } from '../model/droppedFiles.ts';
import { FileTree, joinPath, parentOf, ROOT, type TreeRow } from '../model/fileTree.ts';
import { isUnder, messageOf } from '../model/openFile.ts';
import type { OpenFiles } from '../model/openFiles.ts';
import { folderPattern } from '../model/searchReplace.ts';
import type { Transfers } from '../model/transfers.ts';
import { deleteKept, moveInto, openUnder, undeleteAll } from '../model/treeActs.ts';
import { walkTree } from '../model/treeKeys.ts';
import { actedOn, all, only, stretchedTo, toggled } from '../model/treeSelection.ts';
import { ChangedFiles } from './ChangedFiles.tsx';
import { ExplorerMenu } from './ExplorerMenu.tsx';
import { NameDialog } from './NameDialog.tsx';
import { ReadFailure } from './ReadFailure.tsx';
import { TransferList } from './TransferList.tsx';
import { folderOf, ROW_HEIGHT_PX, ROW_TYPE, TreeRowView, useRowInSight, useVisibleRows } from './TreeRows.tsx';
import { useSession, useSessionState } from './useAttemptSession.ts';
import { useStore } from './useStore.ts';

type Asking =
  | { kind: 'file' | 'directory'; folder: string }
  | { kind: 'rename'; row: TreeRow }
  | { kind: 'delete'; paths: string[] }
  | null;

const UNDO_SHOWN_MS = 20_000;

function itemsWord(paths: readonly string[]): string {
  const [first, ...others] = paths;
  return first === undefined || others.length > 0 ? `${paths.length} items` : first.slice(first.lastIndexOf('/') + 1);
}

/** Of several that were refused for the same reason one says enough. */
function sayRefusals([first, ...others]: readonly string[]): void {
  if (first !== undefined) toast.error(others.length > 0 ? `${first} And ${others.length} more.` : first);
}

/**
 * The workspace's files. Arrow keys walk the tree, Enter opens, F2 renames, Delete deletes (and can be undone). More rows than one are
 * chosen with Ctrl, Cmd or Shift. Rows are moved by dragging them onto a folder; files of one's own machine are uploaded by dropping
 * them there.
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
  const [selection, setSelection] = useState(() => only(null));
  const [asking, setAsking] = useState<Asking>(null);
  const [refreshing, setRefreshing] = useState(false);
  const [dropFolder, setDropFolder] = useState<string | null>(null);
  const list = useRef<HTMLDivElement>(null);
  const chooser = useRef<HTMLInputElement>(null);
  const visible = useVisibleRows(list, rows.length);
  const away = connection.kind !== 'open';
  const root = state.folders.get(ROOT);
  const at = useMemo(() => rows.findIndex((row) => row.path === selection.at), [rows, selection]);
  const current = rows[at];
  const acted = useMemo(() => actedOn(selection, rows), [selection, rows]);
  const choose = (path: string | null) => setSelection(only(path));
  const folderHere = folderOf(current);

  useRowInSight(list, at);

  const open = (row: TreeRow) => {
    if (row.kind === 'directory') tree.toggle(row.path);
    else onOpen(row.path);
  };

  const undelete = async (kept: Parameters<typeof undeleteAll>[1]) => {
    // Where it had the focus, the message would take it back from whatever is clicked next.
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    const { back, refusals } = await undeleteAll(tree, kept);
    if (back.length > 0) setSelection(all(back));
    sayRefusals(refusals);
  };

  /** Deletes what can be brought back at once, and asks about what cannot. */
  const remove = async (removed: readonly TreeRow[]) => {
    const last = rows.findIndex(({ path }) => path === removed.at(-1)?.path);
    const isLeft = ({ path }: TreeRow) => !removed.some((one) => isUnder(path, one.path));
    const next = rows.slice(last + 1).find(isLeft) ?? rows.slice(0, Math.max(0, last)).findLast(isLeft);
    const paths = removed.map(({ path }) => path);
    const { kept, onlyForGood, refusals } = await deleteKept(tree, files, paths);
    if (onlyForGood.length > 0) setAsking({ kind: 'delete', paths: onlyForGood });
    if (kept.length === paths.length) choose(next?.path ?? null);
    sayRefusals(refusals);
    if (kept.length === 0) return;
    const words = `Deleted ${itemsWord(kept.map(({ path }) => path))}`;
    toast(words, { duration: UNDO_SHOWN_MS, action: { label: 'Undo', onClick: () => void undelete(kept) } });
  };

  const move = async (paths: readonly string[], folder: string) => {
    const { moved, refusals } = await moveInto(tree, files, paths, folder);
    if (moved.length > 0) setSelection(all(moved));
    sayRefusals(refusals);
  };

  const collapseAll = () => {
    tree.collapseAll();
    setSelection((before) => only(before.at?.split('/')[0] ?? null));
  };

  const findHere = () => onSearch(folderPattern(folderHere));

  const commands = useRef<Record<string, () => void>>({});
  commands.current = { collapse: collapseAll, find: findHere };
  useEffect(() => {
    const onCommand = (event: CustomEvent<string>) => commands.current[event.detail]?.();
    window.addEventListener('plumbline:files', onCommand as EventListener);
    return () => window.removeEventListener('plumbline:files', onCommand as EventListener);
  }, []);

  const onClick = (event: MouseEvent, row: TreeRow) => {
    list.current?.focus();
    if (isApple(navigator.platform) ? event.metaKey : event.ctrlKey) setSelection(toggled(selection, row.path));
    else if (event.shiftKey) setSelection(stretchedTo(selection, row.path, rows));
    else {
      choose(row.path);
      open(row);
    }
  };

  const onKeyDown = (event: KeyboardEvent) =>
    walkTree(event, {
      rows,
      at,
      isFolder: ({ kind }) => kind === 'directory',
      choose,
      chooseTo: (path) => setSelection(stretchedTo(selection, path, rows)),
      toggle: ({ path }) => tree.toggle(path),
      open,
      others: {
        F2: () => current && setAsking({ kind: 'rename', row: current }),
        Delete: () => !away && void remove(acted),
        ...(acted.length > 1 ? { Escape: () => choose(selection.at) } : {}),
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
      void move(moved.split('\0'), folder);
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
      choose(to);
    } else if (asking?.kind === 'file' || asking?.kind === 'directory') {
      const path = joinPath(asking.folder, name);
      await tree.create(path, asking.kind);
      await tree.reveal(path);
      choose(path);
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
            aria-multiselectable
            aria-label="Files of the workspace"
            aria-activedescendant={current && at >= visible.from && at < visible.to ? `tree-${current.path}` : undefined}
            onKeyDown={onKeyDown}
            onDragOver={onDragOver}
            onDragLeave={() => setDropFolder(null)}
            onDrop={onDrop}
            onPointerDown={(event) => {
              // A menu is about what is pressed, or about all; one that the keyboard opens is about what is chosen.
              const opensMenu = event.button === 2 || (event.ctrlKey && isApple(navigator.platform)) || event.pointerType === 'touch';
              if (!opensMenu) return;
              const path = (event.target as Element).closest('[data-path]')?.getAttribute('data-path') ?? null;
              if (path !== null && selection.chosen.has(path)) setSelection({ ...selection, at: path });
              else choose(path);
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
                  selected={selection.chosen.has(row.path)}
                  isAt={row.path === selection.at && selection.chosen.size > 1}
                  carried={() => (selection.chosen.has(row.path) ? acted : [row]).map(({ path }) => path)}
                  target={dropFolder !== null && dropFolder !== ROOT && dropFolder === row.path}
                  onClick={(event) => onClick(event, row)}
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
        <ExplorerMenu
          rows={acted}
          folder={folderHere}
          away={away}
          acts={{
            create: (kind) => setAsking({ kind, folder: folderHere }),
            upload: () => chooser.current?.click(),
            find: findHere,
            collapseAll,
            download: (chosen) => {
              for (const path of chosen.length === 0 ? [ROOT] : chosen.map((row) => row.path)) void transfers.download(path);
            },
            rename: (row) => setAsking({ kind: 'rename', row }),
            remove: (chosen) => void remove(chosen),
          }}
        />
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
        title={asking?.kind === 'delete' ? `Delete ${itemsWord(asking.paths)} for good?` : 'Delete?'}
        description="What is too large to be kept, or has unsaved changes in the editor, cannot be brought back from here."
        confirmLabel="Delete"
        busyLabel="Deleting"
        tone="danger"
        onConfirm={async () => {
          if (asking?.kind !== 'delete') return;
          for (const [n, path] of asking.paths.entries()) {
            await tree.delete(path, false);
            for (const file of openUnder(files, path)) files?.close(file.path);
            // Where the next one fails the question goes on with what is left.
            if (n < asking.paths.length - 1) setAsking({ kind: 'delete', paths: asking.paths.slice(n + 1) });
          }
        }}
      >
        {asking?.kind === 'delete' && asking.paths.length > 1 ? (
          <ul className="max-h-40 overflow-auto font-mono text-xs">
            {asking.paths.map((path) => (
              <li key={path} className="truncate">
                {path}
              </li>
            ))}
          </ul>
        ) : null}
      </ConfirmDialog>
    </section>
  );
}
