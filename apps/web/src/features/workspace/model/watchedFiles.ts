import { type DiskNews, type Held, isMissing, isOfLibrary, type OpenFile, readOnlyReason } from './openFile.ts';
import { NO_VERSION, SharedFiles } from './sharedFiles.ts';
import type { FileOnDisk } from './shownFiles.ts';

/**
 * What becomes of open files when somebody else writes or deletes them: what is on disk is shown where nothing is unsaved, and asked
 * about where something is. Of a file that is gone the editor holds all that is left, as its unsaved text.
 */
export abstract class WatchedFiles extends SharedFiles {
  /** Somebody wrote a file: a terminal's program, another tab, or this one. */
  onDiskChanged(path: string, { hash, size, tab }: DiskNews = {}): void {
    const held = this.held.get(path);
    if (!held || tab === this.options.tab || isOfLibrary(path)) return;
    if ((hash ?? size) !== undefined) this.cameBack(held);
    const file = this.file(path);
    if (!file) return;
    const isAsking = file.conflict === 'changed' || file.conflict === 'save_refused';
    if (file.saving) held.changedWhileSaving = true;
    else if (hash !== undefined && (hash === held.baseHash || this.isOwnSave(held, hash))) this.isAsRead(file);
    // Large files often grow all the time: the person says when one of them is read again. News of it may be older than what was read.
    else if (file.partial && hash === undefined) void this.compareState(held, file);
    else if (file.dirty && (hash ?? size) !== undefined) {
      if (!isAsking) this.patchFile(path, { conflict: 'changed' });
    } else if (!file.dirty || !isAsking) this.lookSoon(held);
  }

  /** What was asked about under this path is not on disk any more. */
  protected wentAway(held: Held, path: string): void {
    const file = this.file(path);
    if (!file || !this.isOpen(held, path)) return;
    if (held.goneVersion === null && readOnlyReason(file) === null) {
      held.goneVersion = held.savedVersion;
      held.savedVersion = NO_VERSION;
    }
    // Before what is unsaved by then is saved by itself.
    this.patchFile(path, { conflict: 'deleted' });
    this.contentChanged(path);
  }

  /** The file is on disk again, whatever it holds now: of its text only what was typed is unsaved. */
  private cameBack(held: Held): void {
    if (held.goneVersion === null) return;
    held.savedVersion = held.goneVersion;
    held.goneVersion = null;
    this.contentChanged(held.path);
  }

  /** Looks at the disk by itself, when what was read last has taken no more than its share of the link. */
  private lookSoon(held: Held): void {
    if (held.looksSoon) return;
    held.looksSoon = true;
    const { time } = this.options;
    void held.reading.then(() =>
      time.after(Math.max(0, held.restUntilMonoMs - time.monoMs()), () => {
        held.looksSoon = false;
        void this.inTurn(held, () => this.look(held));
      }),
    );
  }

  /** Shows what is on disk, unless something is unsaved: then the person is asked. */
  private async look(held: Held): Promise<void> {
    const { path, baseHash } = held;
    const before = this.file(path);
    if (!before || !this.isOpen(held)) return;
    if (!before.model) return this.readFirst(held);
    if (before.edited === 'elsewhere') return this.follow(path, await this.share.open(path, 'follow'));
    let onDisk: FileOnDisk;
    try {
      onDisk = await this.readDisk(held);
    } catch (error) {
      if (isMissing(error)) this.wentAway(held, path);
      return;
    }
    if (!this.isOpen(held, path)) return;
    this.cameBack(held);
    const file = this.file(path);
    if (!file) return;
    // Where it was saved meanwhile, what was read may be what it was before.
    if (file.saving || file.dirty || onDisk.hash === baseHash) this.onDiskChanged(path, onDisk);
    else this.show(held, onDisk);
  }

  /** The save whose answer was lost did arrive: the text goes on from it. */
  protected isOwnSave(held: Held, hash: string | null): boolean {
    if (hash === null || hash !== held.unansweredHash) return false;
    held.baseHash = hash;
    held.unansweredHash = null;
    return true;
  }

  /** The disk holds what the text started from. */
  private isAsRead({ path, conflict }: OpenFile): void {
    this.patchFile(path, { outdated: false, conflict: conflict === 'save_refused' ? conflict : 'none' });
  }

  /** Whether a large file is no longer the one that is shown, without reading it. */
  private async compareState(held: Held, shown: OpenFile): Promise<void> {
    const { path } = held;
    try {
      const { size, modifiedMs } = await this.options.ask('file.range', { path, offset: 0, length: 1 });
      const now = this.file(path);
      // What was read since is newer than this answer, or as old.
      if (!this.isOpen(held, path) || now?.size !== shown.size || now.modifiedMs !== shown.modifiedMs) return;
      this.patchFile(path, { outdated: size !== shown.size || modifiedMs !== shown.modifiedMs, conflict: 'none' });
    } catch (error) {
      if (isMissing(error)) this.wentAway(held, path);
    }
  }
}
