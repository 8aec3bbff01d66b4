import { AppError } from '@plumbline/core';
import type { DirectoryEntry } from '@plumbline/protocol';
import type { Ask } from './ask.ts';
import type { BrowserTime } from './browserTime.ts';
import { inOrder } from './nameOrder.ts';
import { Store } from './store.ts';

/** The workspace's folders as far as they were opened: listed one at a time, as they may be huge. */

export interface TreeRow {
  path: string;
  name: string;
  kind: DirectoryEntry['kind'];
  depth: number;
  size: number;
  expanded: boolean;
  loading: boolean;
  /** Why the folder could not be listed; null where it could, or was not asked for. */
  error: string | null;
  /** The folder has more entries than are listed. */
  truncated: boolean;
}

/**
 * A folder that a program fills is listed by itself so seldom that it takes no more than this of the link, which carries the keys
 * as well. An entry is its name and about so much more.
 */
const LIST_AGAIN_BYTES_PER_S = 512 * 1024;
const ENTRY_BYTES = 80;

/** A large folder is copied before it is deleted. */
const DELETE_TIMEOUT_MS = 100_000;

interface Folder {
  entries: DirectoryEntry[];
  /** What the listing came with: where it still holds, a refresh sends nothing. */
  stamp: string;
  truncated: boolean;
  loading: boolean;
  error: string | null;
}

export interface TreeState {
  folders: ReadonlyMap<string, Folder>;
  expanded: ReadonlySet<string>;
}

export const ROOT = '.';
/** Files that are on their way up are written under such names. */
const OWN_FILES = '.plumbline-';

/** Joins a folder and a name; the root leaves no trace in a path. */
export function joinPath(folder: string, name: string): string {
  return folder === ROOT ? name : `${folder}/${name}`;
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? ROOT : path.slice(0, slash);
}

export class FileTree {
  readonly store = new Store<TreeState>({ folders: new Map(), expanded: new Set([ROOT]) });
  private readonly ask: Ask;
  private readonly time: Pick<BrowserTime, 'after' | 'monoMs'>;
  /** The listing of a folder that is under way, and the one that follows it. */
  private readonly listings = new Map<string, { now: Promise<void>; next: Promise<void> | null }>();
  /** Until then what a folder's last listing cost is not made up for. */
  private readonly restUntilMonoMs = new Map<string, number>();
  /** Folders of which there is news that waits. */
  private readonly changedSince = new Set<string>();

  constructor(ask: Ask, time: Pick<BrowserTime, 'after' | 'monoMs'>) {
    this.ask = ask;
    this.time = time;
  }

  /** The rows to draw, from top to bottom. */
  static rows(state: TreeState): TreeRow[] {
    const rows: TreeRow[] = [];
    const add = (path: string, depth: number) => {
      for (const entry of state.folders.get(path)?.entries ?? []) {
        const child = joinPath(path, entry.name);
        // Looked up for folders alone: of 100,000 files each would be looked for in vain.
        const isFolder = entry.kind === 'directory';
        const folder = isFolder ? state.folders.get(child) : undefined;
        const expanded = isFolder && state.expanded.has(child);
        rows.push({
          path: child,
          name: entry.name,
          kind: entry.kind,
          depth,
          size: entry.size,
          expanded,
          loading: folder?.loading ?? false,
          error: folder?.error ?? null,
          truncated: folder?.truncated ?? false,
        });
        if (expanded) add(child, depth + 1);
      }
    };
    add(ROOT, 0);
    return rows;
  }

  /** Opens or closes a folder. */
  toggle(path: string): void {
    const expanded = new Set(this.store.get().expanded);
    if (expanded.delete(path)) {
      this.store.patch({ expanded });
      return;
    }
    expanded.add(path);
    this.store.patch({ expanded });
    void this.list(path);
    // Of what was out of sight nobody listened to news.
    for (const inner of expanded) if (inner.startsWith(`${path}/`) && this.isShown(inner)) void this.list(inner);
  }

  /** Something in a folder changed, or may have: it is listed again where it is in sight, as soon as its last listing is made up for. */
  changed(path: string): void {
    if (!this.isShown(path) || this.changedSince.has(path)) return;
    this.changedSince.add(path);
    void (this.listings.get(path)?.now ?? Promise.resolve()).then(() => {
      const restMs = (this.restUntilMonoMs.get(path) ?? 0) - this.time.monoMs();
      this.time.after(Math.max(0, restMs), () => {
        this.changedSince.delete(path);
        if (this.isShown(path)) void this.list(path);
      });
    });
  }

  /** Looks whether something changed in what is in sight: not every change is told. */
  look(): void {
    for (const path of this.store.get().expanded) this.changed(path);
  }

  /** Closes every folder; what was listed of them is still there when they are opened again. */
  collapseAll(): void {
    this.store.patch({ expanded: new Set([ROOT]) });
  }

  /**
   * Lists a folder again. Its error, if any, stands in the state. Of all that ask while a listing is under way, which may be of
   * something older, one more listing answers: a folder that a program fills is told of at each file.
   */
  list(path: string): Promise<void> {
    const listing = this.listings.get(path);
    if (!listing) return this.beginListing(path);
    listing.next ??= listing.now.then(() => this.beginListing(path));
    return listing.next;
  }

  private beginListing(path: string): Promise<void> {
    const listing: { now: Promise<void>; next: Promise<void> | null } = { now: this.read(path), next: null };
    this.listings.set(path, listing);
    void listing.now.then(() => {
      if (listing.next === null) this.listings.delete(path);
    });
    return listing.now;
  }

  private async read(path: string): Promise<void> {
    const known = this.store.get().folders.get(path);
    if (!known) this.setFolder(path, { entries: [], stamp: '', truncated: false, loading: true, error: null });
    const stamp = known && known.error === null && known.stamp !== '' ? { stamp: known.stamp } : {};
    try {
      let listed = await this.ask('file.list', { path, ...stamp });
      if (listed.unchanged) return;
      const shown: DirectoryEntry[] = [];
      for (;;) {
        for (const entry of listed.entries) if (!entry.name.startsWith(OWN_FILES)) shown.push(entry);
        if (listed.rest === undefined) break;
        listed = await this.ask('file.list', { path, rest: listed.rest });
      }
      const bytes = shown.reduce((sum, { name }) => sum + name.length + ENTRY_BYTES, 0);
      this.restUntilMonoMs.set(path, this.time.monoMs() + (bytes * 1_000) / LIST_AGAIN_BYTES_PER_S);
      const sorted = await inOrder(shown, known?.entries ?? [], this.rest);
      this.setFolder(path, { entries: sorted, stamp: listed.stamp, truncated: listed.truncated, loading: false, error: null });
    } catch (error) {
      // What was listed before is still worth showing; the next refresh puts it right.
      if (known && known.error === null) return;
      const message = error instanceof Error ? error.message : 'The folder could not be listed.';
      this.setFolder(path, { entries: [], stamp: '', truncated: false, loading: false, error: message });
    }
  }

  /** Lists every open folder again. */
  async refresh(): Promise<void> {
    const { expanded } = this.store.get();
    await Promise.all([...expanded].filter((path) => this.isShown(path)).map((path) => this.list(path)));
  }

  /** Opens the folders above a path, so that it has a row. */
  async reveal(path: string): Promise<void> {
    const before = this.store.get();
    const expanded = new Set(before.expanded);
    const above: string[] = [];
    for (let at = parentOf(path); at !== ROOT; at = parentOf(at)) above.unshift(at);
    for (const folder of above) expanded.add(folder);
    this.store.patch({ expanded });
    for (const folder of [ROOT, ...above]) {
      if (!this.store.get().folders.has(folder) || !this.isShown(folder, before.expanded)) await this.list(folder);
    }
  }

  async create(path: string, kind: 'file' | 'directory'): Promise<void> {
    await this.ask('file.create', { path, kind });
    await this.list(parentOf(path));
  }

  /** Makes folders in their order; one that is there stays as it is. */
  async createFolders(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      await this.create(path, 'directory').catch((error: unknown) => {
        if (!(error instanceof AppError && error.code === 'conflict')) throw error;
      });
    }
  }

  async rename(path: string, to: string): Promise<void> {
    await this.ask('file.rename', { path, to });
    await Promise.all([...new Set([parentOf(path), parentOf(to)])].map((folder) => this.list(folder)));
  }

  /** Deletes; what `keep` kept is brought back by `undelete` with the answer. Rejects with `too_large` where it cannot be kept. */
  async delete(path: string, keep: boolean): Promise<string | null> {
    const { undo } = await this.ask('file.delete', { path, keep }, DELETE_TIMEOUT_MS);
    await this.list(parentOf(path));
    return undo;
  }

  async undelete(undo: string, path: string): Promise<void> {
    await this.ask('file.undelete', { undo }, DELETE_TIMEOUT_MS);
    await this.refresh();
    await this.reveal(path);
  }

  private readonly rest = () => new Promise<void>((resume) => void this.time.after(0, resume));

  /** Whether what is in a folder is in sight. */
  private isShown(path: string, expanded = this.store.get().expanded): boolean {
    for (let at = path; at !== ROOT; at = parentOf(at)) if (!expanded.has(at)) return false;
    return true;
  }

  private setFolder(path: string, folder: Folder): void {
    const folders = new Map(this.store.get().folders);
    folders.set(path, folder);
    this.store.patch({ folders });
  }
}
