import type { DirectoryEntry } from '@plumbline/protocol';
import type { Sandbox } from './isolation.ts';

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
  /** SHA-256 of the whole file, also where only a part is given. */
  hash: string;
  size: number;
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
  /** Host path of a git bundle with the objects that are new since the last one; the caller removes it. Null where nothing changed. */
  bundlePath: string | null;
  bundleHash: string | null;
  files: number;
  bytes: number;
  skipped: SkippedPath[];
}

export interface FileChange {
  op: 'created' | 'changed' | 'deleted';
  path: string;
  size?: number;
  hash?: string;
}

/**
 * The workspace's files, through one long-lived program in the platform's view. Paths are relative to the workspace with
 * `/`; `.` is the workspace. NUL, `..`, absolute paths and links that leave the workspace are refused with `invalid_input`.
 */
export interface WorkspaceFiles {
  /** At most 100,000 entries, sorted: folders first. */
  list(path: string): Promise<{ entries: DirectoryEntry[]; truncated: boolean }>;
  read(path: string, options?: { maxBytes?: number }): Promise<FileContent>;
  readRange(path: string, offset: number, length: number): Promise<{ bytes: Buffer; size: number }>;
  /** Atomic, keeps the mode. `baseHash` null: the file must not exist. Rejects with `conflict` where the disk has another hash. */
  write(path: string, content: string | Uint8Array, baseHash: string | null): Promise<{ hash: string; size: number }>;
  create(path: string, kind: 'file' | 'directory'): Promise<void>;
  rename(path: string, to: string): Promise<void>;
  /** A folder with all in it. */
  delete(path: string): Promise<void>;
  hashTree(paths: string[]): Promise<TreeHash>;
  capture(paths: string[], options: { maxBytes: number }): Promise<Capture>;
  /** Extracts a tar made by `capture` into the workspace. `tarPath` is a path of the host. */
  restore(tarPath: string): Promise<{ files: number; bytes: number }>;
  /** `atMs` becomes the commit's time. */
  snapshot(options: { message: string; atMs: number }): Promise<Snapshot>;
  /** Watches these files and folders (not what is under them) besides the workspace's top level. Replaces the last set. */
  watch(paths: string[]): Promise<void>;
  onChange(listener: (change: FileChange) => void): () => void;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Starts the service. It starts anew by itself where its process ends; requests under way then reject with `unavailable`. */
export type OpenWorkspace = (sandbox: Sandbox) => Promise<WorkspaceFiles>;
