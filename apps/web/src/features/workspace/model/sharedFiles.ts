import { DocumentShare, type Shared } from './documentShare.ts';
import type { Draft } from './draftStore.ts';
import { EditorRecorder } from './editorRecorder.ts';
import type { TextModel } from './monaco.ts';
import { type DiskNews, type Held, isMissing, isOfLibrary, messageOf, type OpenFile, type Unsaved } from './openFile.ts';
import { replaceText } from './replaceText.ts';
import { sha256OfText } from './sha256.ts';
import { isEditable, NOTHING_ON_DISK, type OpenFilesOptions, type ShownFile, ShownFiles } from './shownFiles.ts';

/**
 * A draft is written with each key, so that a tab that crashes loses nothing; of a long text less often, so that the browser writes no
 * more than 2 MB a second. Always before the gateway is told: of a draft and what was told by the same tab the draft is then never the
 * older one.
 */
const DRAFT_CHARS_PER_MS = 2_000;
/** A longer one is written in a task of its own, for which the key's letter does not wait. */
const DRAFT_AT_ONCE_MAX_CHARS = 100_000;
/** With auto-save a file is saved when nothing was typed for so long. */
const AUTO_SAVE_AFTER_MS = 1_000;
/** A save that did not get through is tried again so much later, or when the connection is back. */
const SAVE_AGAIN_AFTER_MS = 5_000;
/** No text of a model has it: whatever the model holds is unsaved. */
export const NO_VERSION = -1;
/** A library's file is each tab's own. */
const NOT_SHARED: Shared = { editing: true, text: null, baseHash: null, from: null };

/**
 * Whose text stands in the models of the open files: this tab's, which is then recorded, told to the other tabs and kept over a
 * reload until it is saved, or that of the tab which edits the file.
 */
export abstract class SharedFiles extends ShownFiles {
  protected readonly share: DocumentShare;
  /** Files with unsaved text of a tab that is gone, until it is shown here or given up. */
  protected readonly left = new Set<string>();

  constructor(options: OpenFilesOptions) {
    super(options);
    this.share = new DocumentShare(options);
  }

  /** Saves; true when the file on disk is now what the editor shows. */
  abstract save(path: string): Promise<boolean>;
  /** Somebody wrote a file: a terminal's program, another tab, or this one. */
  abstract onDiskChanged(path: string, news?: DiskNews): void;

  selectionChanged(path: string, anchor: number, active: number): void {
    this.held.get(path)?.recorder?.selectionChanged(anchor, active);
  }

  /** Records the whole text of each file that is edited here. */
  recordTexts(): void {
    for (const held of this.held.values()) held.recorder?.recordText();
  }

  /** Makes this tab the one that edits a file, with what the other one had not saved. */
  async editHere(path: string): Promise<void> {
    const held = this.held.get(path);
    const shared = await this.share.open(path, 'take');
    if (!held || this.held.get(path) !== held) return;
    this.sharedChanged(path, shared);
    // It was seen all along: there is nothing to say of it.
    this.patchFile(path, { recovered: false });
  }

  /** Who edits a file changed, or what is not saved of it. */
  sharedChanged(path: string, shared: Shared): void {
    const held = this.held.get(path);
    const file = this.file(path);
    if (!held || !file?.model) return;
    const { model } = file;
    if (shared.editing) {
      // Of two texts that are saved nowhere the person decides about this one first.
      if (file.edited === 'here' || (file.edited === 'apart' && shared.text !== null)) return;
      this.patchFile(path, { edited: 'here' });
      this.record(held, model);
      if (shared.text !== null) return this.takeUnsaved(path, held, model, shared);
      // What the other tab had not saved was given up there: what is shown is not what is on disk.
      if (held.followed) held.baseHash = null;
      held.followed = null;
      this.onDiskChanged(path);
      return;
    }
    if (file.edited !== 'elsewhere') {
      this.stopEditing(held);
      this.share.cancel(path);
      const isTold = !file.dirty || shared.text === model.getValue();
      this.patchFile(path, { edited: isTold ? 'elsewhere' : 'apart' });
      // The other tab has it, and so has the gateway: here it would come back once it is saved or given up there.
      if (isTold) this.dropDraft(path, this.options.tab);
    }
    if (this.file(path)?.edited === 'elsewhere') void this.follow(path, shared);
  }

  /** After the connection was away: the gateway may be another one, which knows of no open file and of nothing unsaved. */
  async shareAgain(): Promise<void> {
    for (const { path, edited, state } of this.store.get().files) {
      const held = this.held.get(path);
      if (state !== 'ready' || !held || isOfLibrary(path)) continue;
      const followed = edited === 'elsewhere' ? await this.stillUnsaved(path, held) : null;
      const shared = await this.share.open(path, edited === 'here' ? 'edit' : 'follow', followed);
      if (this.held.get(path) !== held) continue;
      this.sharedChanged(path, shared);
      this.contentChanged(path);
    }
  }

  /** Keeps and tells at once what is not saved: the page may be gone in a moment. */
  flush(): void {
    for (const [path, held] of this.held) {
      const model = this.file(path)?.model;
      if (!held.cancelDraft || !model) continue;
      held.cancelDraft();
      held.cancelDraft = null;
      this.keepDraft(held, model).catch(() => {});
    }
    this.options.drafts.flush();
    this.share.flush();
  }

  dispose(): void {
    this.flush();
    this.disposed = true;
    this.share.dispose();
    for (const held of this.held.values()) {
      held.cancelDraft?.();
      held.cancelAutoSave?.();
      held.subscription?.dispose();
    }
    for (const file of this.store.get().files) file.model?.dispose();
    this.held.clear();
  }

  protected async readFirst(held: Held): Promise<void> {
    const { path } = held;
    if (!this.isOpen(held)) return;
    const isShown = this.file(path)?.state === 'ready';
    if (!isShown) this.patchFile(path, { state: 'loading', error: null });
    let onDisk: ShownFile;
    let shared: Shared;
    try {
      [onDisk, shared] = await Promise.all([this.readOrLeft(held), isOfLibrary(path) ? NOT_SHARED : this.share.open(path, 'edit')]);
    } catch (error) {
      // A picture that is drawn stays while the connection is away.
      if (this.isOpen(held, path) && (!isShown || isMissing(error))) {
        this.patchFile(path, { state: 'failed', error: messageOf(error), isImage: false });
      }
      return;
    }
    if (!this.isOpen(held, path)) return;
    this.show(held, onDisk);
    const model = this.file(path)?.model;
    if (!model) return;
    this.patchFile(path, { edited: shared.editing ? 'here' : 'elsewhere' });
    if (!shared.editing) {
      if (shared.text !== null) await this.follow(path, shared);
      return;
    }
    this.record(held, model);
    if (!isEditable(onDisk) || isOfLibrary(path)) return;
    const draft = await this.openDraftOf(path, shared);
    if (!this.isOpen(held, path) || model.isDisposed()) return;
    // What a tab kept is newer than what it told; what another one told since is newer than that.
    const isNewer = draft && draft.text !== model.getValue() && (shared.text === null || draft.tab === shared.from);
    this.takeUnsaved(path, held, model, isNewer ? draft : shared);
  }

  /** The file on disk; an empty one where it is gone and unsaved text of it was left. */
  private async readOrLeft(held: Held): Promise<ShownFile> {
    try {
      return await this.readDisk(held);
    } catch (error) {
      if (isMissing(error) && (this.left.has(held.path) || (await this.draftOf(held.path)))) return NOTHING_ON_DISK;
      throw error;
    }
  }

  protected inTurn(held: Held, read: () => Promise<void>): Promise<void> {
    held.reading = held.reading.then(read);
    return held.reading;
  }

  protected record(held: Held, model: TextModel): void {
    const { tab, offer, time, outputBytes } = this.options;
    const { path } = held;
    const hash = held.baseHash ?? sha256OfText(model.getValue());
    held.recorder ??= new EditorRecorder({ tab, path, hash, model, offer, time, outputBytes });
  }

  private draftOf(path: string): Promise<Draft | undefined> {
    return this.options.drafts.get(this.options.attemptId, path).catch(() => undefined);
  }

  /** A draft that another tab did not go on with: what it went on with was saved there, or given up. */
  private async openDraftOf(path: string, { takenOver = [] }: Shared): Promise<Draft | undefined> {
    const draft = await this.draftOf(path);
    if (draft === undefined || takenOver.length === 0 || !takenOver.includes(sha256OfText(draft.text))) return draft;
    this.dropDraft(path, draft.tab);
    return undefined;
  }

  /** `ofTab`: only where that tab wrote it. */
  protected dropDraft(path: string, ofTab?: string): void {
    void this.options.drafts.delete(this.options.attemptId, path, ofTab).catch(() => {});
  }

  /** Finds out which files have unsaved text of a tab that is gone: of this browser, or told to the gateway by another one. */
  protected async findLeft(): Promise<string[]> {
    const { attemptId, drafts } = this.options;
    const [kept, told] = await Promise.all([drafts.paths(attemptId).catch(() => []), this.share.leftUnsaved()]);
    for (const path of [...kept, ...told]) if (this.file(path)?.state !== 'ready') this.left.add(path);
    return [...this.left];
  }

  /** Goes on with text that was not saved, on top of what the model holds: undo brings that back. */
  private takeUnsaved(path: string, held: Held, model: TextModel, unsaved: { text: string | null; baseHash: string | null }): void {
    if (unsaved.text === null) return;
    // What was only shown so far is unsaved from here on, though the text stays the same.
    if (model.getValue() === unsaved.text) held.savedVersion = NO_VERSION;
    else replaceText(model, unsaved.text);
    this.patchFile(path, {
      recovered: true,
      conflict: unsaved.baseHash === held.baseHash ? 'none' : held.baseHash === null ? 'deleted' : 'changed',
      // Whatever is on disk by now, this text can be edited.
      readOnlyReason: null,
      partial: false,
      outdated: false,
    });
    held.baseHash = unsaved.baseHash;
    this.contentChanged(path);
  }

  /** What is shown of another tab and is saved nowhere: the file is still the one that it started from. */
  private async stillUnsaved(path: string, held: Held): Promise<Unsaved | null> {
    if (!held.followed) return null;
    const onDisk = await this.options.ask('file.read', { path }).catch(() => null);
    return onDisk?.hash === held.followed.baseHash ? held.followed : null;
  }

  /** Shows what another tab has not saved, or what is on disk. */
  protected async follow(path: string, shared: Shared): Promise<void> {
    const held = this.held.get(path);
    const model = this.file(path)?.model;
    if (!held || !model) return;
    held.shown += 1;
    const { shown } = held;
    const { text, baseHash, from } = shared;
    if (text === null) {
      const onDisk = await this.readDisk(held).catch(() => null);
      // What was told since is newer than what was read.
      if (onDisk === null || !this.isOpen(held, path) || held.shown !== shown || this.file(path)?.edited === 'here') return;
      this.show(held, onDisk);
    } else {
      replaceText(model, text);
      held.followed = from === null ? null : { text, baseHash, from };
      held.baseHash = baseHash;
      held.savedVersion = model.getAlternativeVersionId();
      held.goneVersion = null;
      this.patchFile(path, { readOnlyReason: null, partial: false, outdated: false });
    }
    // A copy was saved, or it was dropped.
    if (this.file(path)?.edited === 'apart') this.dropDraft(path, this.options.tab);
    this.patchFile(path, { edited: 'elsewhere', dirty: false, conflict: 'none', saveError: null, recovered: false });
  }

  /** What stood in this tab alone has a copy or was given up: shows what the tab that edits has, or goes on with it where that one is gone. */
  protected async takeShared(held: Held): Promise<void> {
    const { path } = held;
    const shared = await this.share.open(path, 'follow');
    if (!this.isOpen(held, path)) return;
    if (!shared.editing) return this.follow(path, shared);
    this.dropDraft(path, this.options.tab);
    this.patchFile(path, { edited: 'elsewhere' });
    this.sharedChanged(path, shared);
  }

  protected stopEditing(held: Held): void {
    held.cancelDraft?.();
    held.cancelAutoSave?.();
    held.cancelDraft = null;
    held.cancelAutoSave = null;
    held.recorder?.close();
    held.recorder = null;
  }

  protected contentChanged(path: string): void {
    const held = this.held.get(path);
    const model = this.file(path)?.model;
    if (!held || !model || this.file(path)?.edited !== 'here') return;
    const dirty = model.getAlternativeVersionId() !== held.savedVersion;
    this.patchFile(path, { dirty });
    this.share.keepSoon(path, dirty ? model.getValueLength() : null, () => {
      if (this.file(path)?.edited !== 'here' || model.isDisposed() || model.getAlternativeVersionId() === held.savedVersion) return null;
      return { text: model.getValue(), baseHash: held.baseHash };
    });
    held.cancelAutoSave?.();
    held.cancelAutoSave = null;
    if (dirty && this.options.savesByItself()) {
      held.cancelAutoSave = this.options.time.after(AUTO_SAVE_AFTER_MS, () => this.saveByItself(path));
    }
    this.keepDraftSoon(held, model);
  }

  private keepDraftSoon(held: Held, model: TextModel): void {
    if (held.cancelDraft) return;
    const { time } = this.options;
    const restMs = held.draftRestUntilMonoMs - time.monoMs();
    const chars = model.getValueLength();
    const write = () => {
      held.cancelDraft = null;
      held.draftRestUntilMonoMs = time.monoMs() + chars / DRAFT_CHARS_PER_MS;
      // A browser that stores nothing still edits and saves; only the reload's safety net is missing.
      this.keepDraft(held, model).catch(() => {});
    };
    if (restMs <= 0 && chars <= DRAFT_AT_ONCE_MAX_CHARS) write();
    else held.cancelDraft = time.after(Math.max(0, restMs), write);
  }

  private saveByItself(path: string): void {
    const file = this.file(path);
    if (file?.dirty && this.needsNoAnswer(file)) void this.save(path);
  }

  /** What asks the person something, or failed for good, waits for the person. */
  protected needsNoAnswer({ path, edited, conflict, saveError }: OpenFile): boolean {
    return edited === 'here' && conflict === 'none' && (saveError === null || this.held.get(path)?.savesAgain === true);
  }

  /** A save of this text did not get through: it may have arrived all the same, and what is saved by itself is tried again. */
  protected saveAgain(held: Held, text: string): void {
    held.savesAgain = true;
    held.unansweredHash = sha256OfText(text);
    if (!this.isOpen(held) || !this.options.savesByItself()) return;
    held.cancelAutoSave?.();
    held.cancelAutoSave = this.options.time.after(SAVE_AGAIN_AFTER_MS, () => this.saveByItself(held.path));
  }

  protected async keepDraft(held: Held, model: TextModel): Promise<void> {
    if (model.isDisposed()) return;
    const { attemptId, tab, drafts } = this.options;
    const { path } = held;
    const dirty = model.getAlternativeVersionId() !== held.savedVersion;
    if (dirty) await drafts.put({ attemptId, path, tab, text: model.getValue(), baseHash: held.baseHash });
    else await drafts.delete(attemptId, path);
  }

  protected release(held: Held): void {
    this.stopEditing(held);
    held.subscription?.dispose();
    held.subscription = null;
  }

  protected textGone(held: Held): void {
    const { path } = held;
    this.release(held);
    if (this.file(path)?.edited !== 'here') return;
    this.share.keepSoon(path, null, () => null);
    this.dropDraft(path);
  }
}
