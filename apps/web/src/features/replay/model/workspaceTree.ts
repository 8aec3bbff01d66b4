import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import { NAMES } from '../../workspace/model/nameOrder.ts';
import type { TreeAnswer } from './recordingApi.ts';

/** The workspace's files at a moment: those of the newest snapshot, with what was told of them since, as a tree that folds. */

export type FileMark = 'new' | 'saved' | 'changed' | 'renamed' | 'deleted';

export interface WorkspaceFile {
  path: string;
  /** Null where it was not told. */
  size: number | null;
  /** What happened to it since the snapshot, last of all; null where nothing did. */
  mark: FileMark | null;
  /** When that was. */
  atMs: number | null;
  /** What it was called in the snapshot, where that was otherwise. */
  from: string | null;
  inSnapshot: boolean;
}

export interface WorkspaceRow {
  kind: 'folder' | 'file';
  path: string;
  name: string;
  depth: number;
  /** The file of the row; null for a folder. */
  file: WorkspaceFile | null;
  expanded: boolean;
  /** Files in the folder, however deep, to which something happened since the snapshot. */
  changes: number;
}

/** Below so many files all folders begin open. */
const OPEN_UP_TO_FILES = 200;

/** The files of a snapshot as they were at a moment after it, each once. `changes` come in the order of time. */
export function filesAt(
  snapshotFiles: TreeAnswer['files'],
  changes: RecordingIndex['files'],
  snapshotMs: number,
  atMs: number,
): WorkspaceFile[] {
  const files = new Map<string, WorkspaceFile>(
    snapshotFiles.map(({ path, size }) => [path, { path, size, mark: null, atMs: null, from: null, inSnapshot: true }]),
  );
  for (const change of changes) {
    if (change.atMs <= snapshotMs) continue;
    if (change.atMs > atMs) break;
    apply(files, change);
  }
  return [...files.values()];
}

function apply(files: Map<string, WorkspaceFile>, { op, path, to, size, atMs }: RecordingIndex['files'][number]): void {
  // What is said of a folder is so of all that is in it.
  const within = op === 'renamed' || op === 'deleted' ? [...files.keys()].filter((other) => other.startsWith(`${path}/`)) : [];
  const own = files.get(path);
  const fresh: WorkspaceFile = own ?? { path, size: null, mark: null, atMs: null, from: null, inSnapshot: false };
  if (op === 'renamed' && to !== null) {
    for (const old of own === undefined && within.length > 0 ? within : [path, ...within]) {
      const file = files.get(old) ?? fresh;
      files.delete(old);
      const next = to + old.slice(path.length);
      files.set(next, { ...file, path: next, mark: 'renamed', atMs, from: file.from ?? old });
    }
  } else if (op === 'deleted') {
    for (const old of within) files.set(old, { ...(files.get(old) as WorkspaceFile), mark: 'deleted', atMs });
    if (own !== undefined || within.length === 0) files.set(path, { ...fresh, mark: 'deleted', atMs });
  } else {
    const mark = fresh.from !== null ? 'renamed' : !fresh.inSnapshot || op === 'created' ? 'new' : op === 'saved' ? 'saved' : 'changed';
    files.set(path, { ...fresh, size: size ?? fresh.size, mark, atMs });
  }
}

/** So many changes between a snapshot and a moment are not told one by one. */
export function omittedChanges(index: Pick<RecordingIndex, 'filesOmitted'>, snapshotMs: number, atMs: number): number {
  return index.filesOmitted.reduce((sum, omitted) => sum + (omitted.atMs > snapshotMs && omitted.atMs <= atMs ? omitted.count : 0), 0);
}

interface Folder {
  folders: Map<string, Folder>;
  files: WorkspaceFile[];
  changes: number;
}

/**
 * The rows to draw, folders first. `toggled` says of folders whether they are open: others are where there are few files, or something
 * changed in them.
 */
export function treeRows(files: readonly WorkspaceFile[], toggled: ReadonlyMap<string, boolean>): WorkspaceRow[] {
  const root: Folder = { folders: new Map(), files: [], changes: 0 };
  for (const file of files) {
    let folder = root;
    for (const name of file.path.split('/').slice(0, -1)) {
      const next = folder.folders.get(name) ?? { folders: new Map(), files: [], changes: 0 };
      folder.folders.set(name, next);
      folder = next;
      if (file.mark !== null) folder.changes += 1;
    }
    folder.files.push(file);
  }
  const rows: WorkspaceRow[] = [];
  const add = (folder: Folder, prefix: string, depth: number) => {
    for (const [name, child] of [...folder.folders].sort(([a], [b]) => NAMES.compare(a, b))) {
      const path = prefix + name;
      const expanded = toggled.get(path) ?? (files.length <= OPEN_UP_TO_FILES || child.changes > 0);
      rows.push({ kind: 'folder', path, name, depth, file: null, expanded, changes: child.changes });
      if (expanded) add(child, `${path}/`, depth + 1);
    }
    const named = folder.files.map((file) => ({ file, name: file.path.slice(prefix.length) }));
    for (const { file, name } of named.sort((a, b) => NAMES.compare(a.name, b.name))) {
      // A folder that was made is told as a path like any other.
      if (folder.folders.has(name)) continue;
      rows.push({ kind: 'file', path: file.path, name, depth, file, expanded: false, changes: 0 });
    }
  };
  add(root, '', 0);
  return rows;
}
