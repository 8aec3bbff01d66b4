import { randomUUID } from 'node:crypto';
import { chmod, copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import { type DirectoryEntry, type SearchQuery, SearchResult } from '@plumbline/protocol';
import { z } from 'zod';
import { PYTHON } from '../isolation/inView.ts';
import type { Sandbox } from '../isolation/isolation.ts';
import { type FileChange, WorkspaceService } from './workspaceService.ts';

/** One thing that a capture or snapshot did not take, and why. */
export interface SkippedPath {
  path: string;
  reason: string;
  size?: number;
  hash?: string;
}

export interface FileContent {
  /** Null for a binary file. */
  text: string | null;
  /** SHA-256 of the whole file, also where only a part is given; above 1 GiB, of that part. */
  hash: string;
  size: number;
  /** When it was last written before it was read, by the sandbox's clock. */
  modifiedMs: number;
  partial: boolean;
}

export interface TreeHash {
  /** SHA-256 over sorted relative paths, modes, contents and link targets. */
  hash: string;
  files: number;
  bytes: number;
}

export interface Capture extends TreeHash {
  /** Host path of a deterministic tar in the sandbox's store; the caller removes it. */
  tarPath: string;
  tarHash: string;
  tarBytes: number;
  skipped: SkippedPath[];
}

export interface Snapshot {
  tree: string;
  commit: string;
  /** The commit that the bundle builds on; null where it stands alone. */
  base: string | null;
  /** Host path of a git bundle with the objects that are new since `base`; the caller removes it. Null where nothing changed. */
  bundlePath: string | null;
  bundleHash: string | null;
  files: number;
  bytes: number;
  skipped: SkippedPath[];
  /** How many paths were left out in all; `skipped` has as many of them as an event has room for. */
  skippedCount: number;
}

export interface UploadPart {
  path: string;
  /** Names the upload: parts of one name add up. */
  upload: string;
  offset: number;
  bytes: Uint8Array;
  /** Size of the whole file. */
  total: number;
  replace: boolean;
}

/**
 * The workspace's files, through one long-lived program in the platform's view. Paths are relative to the workspace with
 * `/`; `.` is the workspace. NUL, `..`, absolute paths and links that leave the workspace are refused with `invalid_input`.
 */
export interface WorkspaceFiles {
  /** At most 100,000 entries, sorted: folders first. With the stamp of a listing that still holds, no entries and `unchanged`. */
  list(path: string, stamp?: string): Promise<{ entries: DirectoryEntry[]; truncated: boolean; stamp: string; unchanged: boolean }>;
  read(path: string, options?: { maxBytes?: number }): Promise<FileContent>;
  readRange(path: string, offset: number, length: number): Promise<{ bytes: Buffer; size: number; modifiedMs: number }>;
  /** Atomic, keeps the mode. `baseHash` null: the file must not exist. Rejects with `conflict` where the disk has another hash. */
  write(path: string, content: string | Uint8Array, baseHash: string | null): Promise<{ hash: string; size: number }>;
  /** Adds a part to an upload; the last one puts the file in place, with the folders above it. Rejects with `conflict` where it must not replace. */
  upload(part: UploadPart): Promise<{ received: number; hash: string | null }>;
  dropUpload(path: string, upload: string): Promise<void>;
  create(path: string, kind: 'file' | 'directory'): Promise<void>;
  rename(path: string, to: string): Promise<void>;
  /** A folder with all in it. */
  delete(path: string): Promise<void>;
  /** Rejects with `too_large` above `maxBytes` of apparent size. */
  hashTree(paths: string[], options?: { maxBytes?: number }): Promise<TreeHash>;
  capture(paths: string[], options: { maxBytes: number }): Promise<Capture>;
  /** Extracts a tar made by `capture`, over what is there; with `path`, which it was made of, rejects with `conflict` where that is there again. */
  restore(tarPath: string, path?: string): Promise<{ files: number; bytes: number }>;
  /**
   * Makes the workspace what the last of a chain of snapshots holds: bundles as host paths, oldest first. What no snapshot holds
   * stays.
   */
  restoreSnapshots(bundlePaths: readonly string[]): Promise<{ files: number; bytes: number; commit: string }>;
  /**
   * `atMs` becomes the commit's time. `base` is the commit of an earlier snapshot that this one may build on, or null; where it is not
   * there any more the snapshot stands alone.
   */
  snapshot(options: { message: string; atMs: number; base: string | null }): Promise<Snapshot>;
  /** The snapshots in which a file changed, newest first; `cause` is the message that each was taken with. */
  history(path: string): Promise<{ commit: string; atMs: number; cause: string }[]>;
  /** A file's text in a snapshot: null where it is binary or `missing`. Rejects with `too_large` above `maxBytes`. */
  textAt(commit: string, path: string, options: { maxBytes: number }): Promise<{ text: string | null; missing: boolean }>;
  /** In which files the newest snapshot differs from the first; `since` and `atMs`, the newest one's time, are null without any. */
  changed(): Promise<ChangedFiles>;
  /** Finds text. The pattern is Python's; the signal ends a search. Rejects with `invalid_input` for a pattern that cannot be read. */
  search(query: SearchQuery, signal?: AbortSignal): Promise<SearchResult>;
  /** The path of every file that people work with: no packages, caches, repositories. */
  paths(): Promise<{ paths: string[]; truncated: boolean }>;
  /**
   * Always watches these files, and these folders with their entries. Replaces the last set. The rest of the tree is
   * watched as far as that stays cheap: see `workspace_watch.py`.
   */
  watch(paths: string[]): Promise<void>;
  onChange(listener: (change: FileChange) => void): () => void;
  /** So many more changes happened at once than `onChange` tells one by one. */
  onOmitted(listener: (count: number) => void): () => void;
  /** Idempotent. */
  close(): Promise<void>;
}

/** The largest text that is read whole: above it the first part is given, read-only. */
const READ_MAX_BYTES = 5 * 1024 * 1024;
const SEARCH = 'workspace_search.py';
/** So long a search finds more; it may take as long again to be started and to tell. */
const SEARCH_MS = 5_000;
const SEARCH_TIMEOUT_MS = 12_000;
const SEARCH_MAX_BYTES = 14 * 1024 * 1024;

const Hash = z.string().regex(/^[0-9a-f]{64}$/);
const GitName = z.string().regex(/^[0-9a-f]{40}$/);
const Skipped = z.array(z.object({ path: z.string(), reason: z.string(), size: z.number().optional(), hash: z.string().optional() }));
const Written = z.object({ hash: Hash, size: z.number() });
const Content = z.object({ text: z.string().nullable(), hash: Hash, size: z.number(), modifiedMs: z.number(), partial: z.boolean() });
const Range = z.object({ data: z.string(), size: z.number(), modifiedMs: z.number() });
const Tree = z.object({ hash: Hash, files: z.number(), bytes: z.number() });
const Captured = Tree.extend({ tarHash: Hash, tarBytes: z.number(), skipped: Skipped });
const Restored = z.object({ files: z.number(), bytes: z.number() });
const RestoredSnapshot = Restored.extend({ commit: GitName });
const Taken = z.object({
  tree: GitName,
  commit: GitName,
  base: GitName.nullable(),
  bundleHash: Hash.nullable(),
  files: z.number(),
  bytes: z.number(),
  skipped: Skipped,
  skippedCount: z.number(),
});
const Listing = z.object({
  entries: z.array(
    z.object({ name: z.string(), kind: z.enum(['file', 'directory', 'symlink', 'other']), size: z.number(), modifiedMs: z.number() }),
  ),
  truncated: z.boolean(),
  stamp: z.string(),
  unchanged: z.boolean(),
});
const Uploaded = z.object({ received: z.number(), hash: Hash.nullable() });
const History = z.object({ snapshots: z.array(z.object({ commit: GitName, atMs: z.number(), cause: z.string() })) });
const ChangedFiles = z.object({
  since: GitName.nullable(),
  atMs: z.number().nullable(),
  files: z.array(z.object({ path: z.string(), change: z.enum(['created', 'modified', 'deleted']) })),
  truncated: z.boolean(),
});
export type ChangedFiles = z.infer<typeof ChangedFiles>;
const TextAt = z.object({ text: z.string().nullable(), missing: z.boolean() });
const Paths = z.object({ paths: z.array(z.string()), truncated: z.boolean() });
const SearchRefusal = z.object({ error: z.string() });

/** One run of the search program, in the platform's view: the participant's files without the participant's processes. */
async function runSearch(sandbox: Sandbox, request: object, signal?: AbortSignal): Promise<unknown> {
  const { assets, home } = sandbox.paths;
  const done = await sandbox.run('platform', [PYTHON, '-I', '-S', `${assets}/${SEARCH}`, home], {
    input: JSON.stringify(request),
    timeoutMs: SEARCH_TIMEOUT_MS,
    maxOutputBytes: SEARCH_MAX_BYTES,
    ...(signal ? { signal } : {}),
  });
  if (signal?.aborted) throw new AppError('conflict', 'Another search took this one’s place.');
  if (done.exitCode !== 0 || done.truncated) {
    throw new AppError('unavailable', 'The search took too long or found too much. Narrow it down.', { cause: done.stderr.toString() });
  }
  const answer: unknown = JSON.parse(done.stdout.toString());
  const refusal = SearchRefusal.safeParse(answer);
  if (refusal.success) throw new AppError('invalid_input', refusal.data.error);
  return answer;
}

/** Starts the service. It starts anew by itself where its process ends; requests under way then reject with `unavailable`. */
export async function openWorkspace(sandbox: Sandbox, { searchMs = SEARCH_MS } = {}): Promise<WorkspaceFiles> {
  const service = new WorkspaceService(sandbox);
  const inStore = (name: string) => join(sandbox.storeDir, name);
  service.start();
  return {
    list: async (path, stamp) => Listing.parse(await service.request('list', { path, stamp: stamp ?? null })),
    read: async (path, options = {}) =>
      Content.parse(await service.request('read', { path, maxBytes: options.maxBytes ?? READ_MAX_BYTES })),
    readRange: async (path, offset, length) => {
      const { data, ...about } = Range.parse(await service.request('readRange', { path, offset, length }));
      return { bytes: Buffer.from(data, 'base64'), ...about };
    },
    write: async (path, content, baseHash) =>
      Written.parse(await service.request('write', { path, data: Buffer.from(content as Uint8Array).toString('base64'), baseHash })),
    upload: async ({ bytes, ...part }) =>
      Uploaded.parse(await service.request('upload', { ...part, data: Buffer.from(bytes as Uint8Array).toString('base64') })),
    dropUpload: async (path, upload) => void (await service.request('dropUpload', { path, upload })),
    create: async (path, kind) => void (await service.request('create', { path, kind })),
    rename: async (path, to) => void (await service.request('rename', { path, to })),
    delete: async (path) => void (await service.request('delete', { path })),
    hashTree: async (paths, options = {}) => Tree.parse(await service.request('hashTree', { paths, maxBytes: options.maxBytes ?? null })),
    capture: async (paths, { maxBytes }) => {
      const file = `capture-${randomUUID()}.tar`;
      return { ...Captured.parse(await service.request('capture', { paths, maxBytes, file })), tarPath: inStore(file) };
    },
    restore: async (tarPath, path) => {
      const file = `restore-${randomUUID()}.tar`;
      await copyFile(tarPath, inStore(file));
      try {
        // The archive may be readable by the runner alone; the service has the participant's uid.
        await chmod(inStore(file), 0o644);
        return Restored.parse(await service.request('restore', { file, path: path ?? null }));
      } finally {
        await rm(inStore(file), { force: true });
      }
    },
    restoreSnapshots: async (bundlePaths) => {
      const names = bundlePaths.map(() => `restore-${randomUUID()}.bundle`);
      try {
        for (const [index, path] of bundlePaths.entries()) {
          await copyFile(path, inStore(names[index] ?? ''));
          await chmod(inStore(names[index] ?? ''), 0o644);
        }
        return RestoredSnapshot.parse(await service.request('restoreSnapshots', { files: names }));
      } finally {
        for (const name of names) await rm(inStore(name), { force: true });
      }
    },
    snapshot: async ({ message, atMs, base }) => {
      const file = `snapshot-${randomUUID()}.bundle`;
      const taken = Taken.parse(await service.request('snapshot', { message, atMs, base, file }));
      return { ...taken, bundlePath: taken.bundleHash === null ? null : inStore(file) };
    },
    history: async (path) => History.parse(await service.request('history', { path })).snapshots,
    changed: async () => ChangedFiles.parse(await service.request('changed', {})),
    textAt: async (commit, path, { maxBytes }) => TextAt.parse(await service.request('textAt', { commit, path, maxBytes })),
    search: async (query, signal) => SearchResult.parse(await runSearch(sandbox, { ...query, kind: 'search', withinMs: searchMs }, signal)),
    paths: async () => Paths.parse(await runSearch(sandbox, { kind: 'paths' })),
    watch: (paths) => service.watch(paths),
    onChange: (listener) => {
      service.listeners.add(listener);
      return () => service.listeners.delete(listener);
    },
    onOmitted: (listener) => {
      service.omittedListeners.add(listener);
      return () => service.omittedListeners.delete(listener);
    },
    close: () => service.close(),
  };
}
