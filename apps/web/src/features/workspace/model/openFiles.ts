import { AppError } from '@plumbline/core';
import type { RequestAct, RequestArgs, RequestResult } from '@plumbline/protocol';
import { ArrangedFiles } from './arrangedFiles.ts';
import type { BrowserTime } from './browserTime.ts';
import { DocumentShare, type Shared } from './documentShare.ts';
import { withoutFile } from './editorPanes.ts';
import { EditorRecorder, type OfferEvent } from './editorRecorder.ts';
import { languageOf, type MonacoApi, type TextModel } from './monaco.ts';
import { exceedsFrame, type Held, loadingFile, messageOf, type Place, readOnlyReason } from './openFile.ts';
import type { DraftStore } from './outboxStore.ts';
import { replaceText } from './replaceText.ts';
import { sha256OfText } from './sha256.ts';
import { Signal } from './signal.ts';

/**
 * The files that are open in this tab's editor: their models, what is unsaved, and the rules for saving. A save names the
 * text that the edit started from, so that nothing which somebody else wrote is overwritten without asking.
 */

export type Ask = <A extends RequestAct>(act: A, args: RequestArgs<A>, timeoutMs?: number) => Promise<RequestResult<A>>;

/** Formats that every browser draws and that cannot run anything; an SVG is a text. */
const IMAGES = /\.(png|jpe?g|gif|webp|bmp|ico|avif)$/i;

export interface OpenFilesOptions {
  attemptId: string;
  tab: string;
  monaco: MonacoApi;
  ask: Ask;
  offer: OfferEvent;
  drafts: DraftStore;
  time: BrowserTime;
  /** Which files were open, kept over a reload. */
  remember: Pick<Storage, 'getItem' | 'setItem'>;
  /** Whether files are saved by themselves; asked at each change. */
  savesByItself: () => boolean;
}

const DRAFT_AFTER_MS = 500;
/** With auto-save a file is saved when nothing was typed for so long. */
const AUTO_SAVE_AFTER_MS = 1_000;
/** No text of a model has it: whatever the model holds is unsaved. */
const NO_VERSION = -1;

export class OpenFiles extends ArrangedFiles {
  /** A place is to be shown in the pane that has the focus. */
  readonly revealed = new Signal<{ path: string; place: Place }>();
  private readonly options: OpenFilesOptions;
  private readonly held = new Map<string, Held>();
  private readonly share: DocumentShare;
  private readonly saves = new Map<string, Promise<boolean>>();

  constructor(options: OpenFilesOptions) {
    super(`plumbline.open.${options.attemptId}`, options.remember);
    this.options = options;
    this.share = new DocumentShare(options);
  }

  /** Opens again what an earlier page of this tab had open. */
  async restore(): Promise<void> {
    const kept = this.remembered();
    if (!kept) return;
    await Promise.all(kept.paths.map((path) => this.open(path, false)));
    this.arrangeAsBefore(kept);
  }

  /** Opens a file, or shows it where it is open already. */
  async open(path: string, activate = true): Promise<void> {
    if (this.held.has(path)) {
      if (activate) this.activate(path);
      return;
    }
    this.held.set(path, {
      baseHash: null,
      savedVersion: 0,
      recorder: null,
      subscription: null,
      cancelDraft: null,
      cancelAutoSave: null,
      shown: 0,
    });
    const { files, active } = this.store.get();
    this.store.patch({ files: [...files, loadingFile(path)] });
    if (activate || active === null) this.activate(path);
    else this.rememberOpen();
    await this.load(path);
  }

  /** Opens a file and shows a place in it. */
  async openAt(path: string, place: Place): Promise<void> {
    await this.open(path);
    this.revealed.emit({ path, place });
  }

  /**
   * Changes a file's text and saves it, in the editor where it is open and straight on disk where it is not. Answers how
   * many changes were made; null where it could not be saved.
   */
  async edit(path: string, change: (text: string) => { text: string; count: number }): Promise<number | null> {
    const model = this.file(path)?.model;
    try {
      if (model) {
        const { text, count } = change(model.getValue());
        if (count === 0) return 0;
        if (this.file(path)?.edited !== 'here') return null;
        replaceText(model, text);
        return (await this.save(path)) ? count : null;
      }
      const { text: before, hash, partial } = await this.options.ask('file.read', { path });
      if (before === null || partial) return null;
      const { text, count } = change(before);
      if (count > 0) await this.options.ask('file.write', { tab: this.options.tab, path, text, baseHash: hash });
      return count;
    } catch {
      return null;
    }
  }

  /** Reads a file that failed to load once more. */
  async load(path: string): Promise<void> {
    const held = this.held.get(path);
    if (!held) return;
    this.patchFile(path, { state: 'loading', error: null });
    let answer: RequestResult<'file.read'>;
    let shared: Shared;
    try {
      [answer, shared] = await Promise.all([this.options.ask('file.read', { path }), this.share.open(path, 'edit')]);
    } catch (error) {
      if (this.held.get(path) === held) this.patchFile(path, { state: 'failed', error: messageOf(error) });
      return;
    }
    if (this.disposed || this.held.get(path) !== held) return;
    held.baseHash = answer.hash;
    if (answer.text === null) {
      const isImage = IMAGES.test(path);
      const reason = isImage ? 'This is a picture.' : 'This is a binary file. Look at it from a terminal, or download it.';
      this.patchFile(path, { state: 'ready', size: answer.size, isImage, readOnlyReason: reason });
      return;
    }
    const { monaco } = this.options;
    const model = monaco.editor.createModel(answer.text, languageOf(monaco, path));
    held.savedVersion = model.getAlternativeVersionId();
    held.subscription = model.onDidChangeContent(() => this.contentChanged(path));
    const reason = answer.partial
      ? 'This file is too large for the editor: its first part is shown, and it cannot be edited here.'
      : exceedsFrame(answer.text)
        ? 'This file is too large to be saved from the editor, so it is read-only here.'
        : null;
    this.patchFile(path, {
      state: 'ready',
      model,
      readOnlyReason: reason,
      size: answer.size,
      edited: shared.editing ? 'here' : 'elsewhere',
    });
    if (!shared.editing) return this.follow(path, shared);
    this.record(path, held, model, answer.hash);
    if (reason !== null) return;
    // What this tab typed while the gateway was away is newer than what it told; what another tab told is newer than its draft.
    if (shared.text === null || shared.from === this.options.tab) {
      const isRecovered = await this.recoverDraft(path, held, model);
      if (isRecovered || shared.text === null) return;
    }
    if (this.held.get(path) === held && !model.isDisposed()) this.takeUnsaved(path, held, model, shared);
  }

  /** Saves; true when the file on disk is now what the editor shows. One save of a file waits for the one before. */
  async save(path: string, overwrite = false): Promise<boolean> {
    for (let before = this.saves.get(path); before; before = this.saves.get(path)) await before;
    const saving = this.write(path, overwrite);
    this.saves.set(path, saving);
    try {
      return await saving;
    } finally {
      this.saves.delete(path);
    }
  }

  private async write(path: string, overwrite: boolean): Promise<boolean> {
    const held = this.held.get(path);
    const file = this.file(path);
    if (!held || !file?.model || readOnlyReason(file) !== null) return false;
    const { monaco, tab, ask } = this.options;
    const text = file.model.getValue(monaco.editor.EndOfLinePreference.TextDefined, true);
    if (exceedsFrame(text)) {
      this.patchFile(path, {
        saveError: 'The text has become too large to be saved from the editor. Save it in parts, or from a terminal.',
      });
      return false;
    }
    const version = file.model.getAlternativeVersionId();
    this.patchFile(path, { saving: true, saveError: null });
    try {
      const baseHash = overwrite ? await this.hashOnDisk(path) : held.baseHash;
      const answer = await ask('file.write', { tab, path, text, baseHash });
      if (this.held.get(path) !== held) return true;
      held.baseHash = answer.hash;
      held.savedVersion = version;
      this.patchFile(path, { saving: false, conflict: 'none', recovered: false, size: answer.size });
      this.contentChanged(path);
      return true;
    } catch (error) {
      if (error instanceof AppError && error.code === 'conflict') this.patchFile(path, { saving: false, conflict: 'save_refused' });
      else this.patchFile(path, { saving: false, saveError: messageOf(error) });
      return false;
    }
  }

  /** Takes the file on disk into the editor; the undo history keeps what was there. */
  async reload(path: string): Promise<void> {
    const held = this.held.get(path);
    const file = this.file(path);
    const model = file?.model;
    if (!held || !file || !model) return this.load(path);
    if (file.edited !== 'here') return this.follow(path, await this.share.open(path, 'follow'));
    try {
      const answer = await this.options.ask('file.read', { path });
      if (this.held.get(path) !== held || answer.text === null) return;
      replaceText(model, answer.text);
      held.baseHash = answer.hash;
      held.savedVersion = model.getAlternativeVersionId();
      this.patchFile(path, { conflict: 'none', saveError: null, recovered: false, size: answer.size });
      this.contentChanged(path);
    } catch (error) {
      this.patchFile(path, { saveError: messageOf(error) });
    }
  }

  /** Saves the editor's text beside the file under a free name, then takes the file on disk. Gives the copy's path. */
  async keepBoth(path: string): Promise<string | null> {
    const model = this.file(path)?.model;
    if (!model) return null;
    const { monaco, tab, ask } = this.options;
    const text = model.getValue(monaco.editor.EndOfLinePreference.TextDefined, true);
    const slash = path.lastIndexOf('/') + 1;
    const dot = path.lastIndexOf('.');
    const [stem, extension] = dot > slash ? [path.slice(0, dot), path.slice(dot)] : [path, ''];
    for (let count = 1; count <= 50; count += 1) {
      const copy = `${stem}.mine${count === 1 ? '' : `-${count}`}${extension}`;
      try {
        await ask('file.write', { tab, path: copy, text, baseHash: null });
        await this.reload(path);
        return copy;
      } catch (error) {
        if (error instanceof AppError && error.code === 'conflict') continue;
        this.patchFile(path, { saveError: messageOf(error) });
        return null;
      }
    }
    return null;
  }

  /** Closes the question without an answer: the edit stays unsaved. */
  dismissConflict(path: string): void {
    if (this.file(path)?.conflict === 'save_refused') this.patchFile(path, { conflict: 'changed' });
  }

  /** Closes a file. Its unsaved text is given up: the caller has asked. */
  close(path: string): void {
    const held = this.held.get(path);
    if (!held) return;
    const file = this.file(path);
    this.held.delete(path);
    this.release(held);
    this.share.close(path);
    this.store.patch(withoutFile(this.store.get(), path));
    file?.model?.dispose();
    // The draft of a file that another tab edits is that tab's.
    if (file?.edited === 'here') void this.options.drafts.delete(this.options.attemptId, path).catch(() => {});
    this.rememberOpen();
  }

  /** Somebody wrote a file: a terminal's program, another tab, or this one. */
  onDiskChanged(path: string, hash: string | undefined, tab: string | undefined): void {
    const held = this.held.get(path);
    const file = this.file(path);
    if (!held || !file || file.saving || tab === this.options.tab || (hash !== undefined && hash === held.baseHash)) return;
    if (hash === undefined) void this.lookAtDisk(path);
    else if (file.dirty) this.patchFile(path, { conflict: 'changed' });
    else void this.reload(path);
  }

  /** The path moved: the editor follows with what is unsaved. */
  async renamed(from: string, to: string): Promise<void> {
    for (const { path } of this.store.get().files) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      const target = to + path.slice(from.length);
      const file = this.file(path);
      const text = file?.dirty && file.model ? file.model.getValue() : null;
      const wasActive = this.store.get().active === path;
      this.close(path);
      await this.open(target, wasActive);
      const model = this.file(target)?.model;
      if (text !== null && model) model.pushEditOperations([], [{ range: model.getFullModelRange(), text }], () => null);
    }
  }

  selectionChanged(path: string, anchor: number, active: number): void {
    this.held.get(path)?.recorder?.selectionChanged(anchor, active);
  }

  get hasUnsaved(): boolean {
    return this.store.get().files.some((file) => file.dirty);
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
      if (file.edited === 'here') return;
      this.patchFile(path, { edited: 'here' });
      this.record(path, held, model, held.baseHash ?? sha256OfText(model.getValue()));
      if (shared.text === null) this.onDiskChanged(path, undefined, undefined);
      else this.takeUnsaved(path, held, model, shared);
      return;
    }
    if (file.edited === 'here') {
      this.stopEditing(held);
      this.share.cancel(path);
      const isTold = !file.dirty || shared.text === model.getValue();
      this.patchFile(path, { edited: isTold ? 'elsewhere' : 'apart' });
    }
    if (this.file(path)?.edited === 'elsewhere') void this.follow(path, shared);
  }

  /** After the connection was away: the gateway may be another one, which knows of no open file. */
  async shareAgain(): Promise<void> {
    for (const { path, edited, state } of this.store.get().files) {
      const held = this.held.get(path);
      if (state !== 'ready' || !held) continue;
      const shared = await this.share.open(path, edited === 'here' ? 'edit' : 'follow');
      if (this.held.get(path) !== held) continue;
      this.sharedChanged(path, shared);
      this.contentChanged(path);
    }
  }

  dispose(): void {
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

  private async lookAtDisk(path: string): Promise<void> {
    const held = this.held.get(path);
    try {
      const answer = await this.options.ask('file.read', { path });
      if (this.held.get(path) === held) this.onDiskChanged(path, answer.hash, undefined);
    } catch (error) {
      if (error instanceof AppError && error.code === 'not_found' && this.held.get(path) === held)
        this.patchFile(path, { conflict: 'deleted' });
    }
  }

  private async hashOnDisk(path: string): Promise<string | null> {
    try {
      return (await this.options.ask('file.read', { path })).hash;
    } catch (error) {
      if (error instanceof AppError && error.code === 'not_found') return null;
      throw error;
    }
  }

  private record(path: string, held: Held, model: TextModel, hash: string): void {
    const { tab, offer, time } = this.options;
    held.recorder ??= new EditorRecorder({ tab, path, hash, model, offer, time });
  }

  private async recoverDraft(path: string, held: Held, model: TextModel): Promise<boolean> {
    const draft = await this.options.drafts.get(this.options.attemptId, path).catch(() => undefined);
    if (!draft || this.held.get(path) !== held || model.isDisposed() || draft.text === model.getValue()) return false;
    this.takeUnsaved(path, held, model, draft);
    return true;
  }

  /** Goes on with text that was not saved, on top of what the model holds: undo brings that back. */
  private takeUnsaved(path: string, held: Held, model: TextModel, unsaved: { text: string | null; baseHash: string | null }): void {
    if (unsaved.text === null) return;
    // What was only shown so far is unsaved from here on, though the text stays the same.
    if (model.getValue() === unsaved.text) held.savedVersion = NO_VERSION;
    else replaceText(model, unsaved.text);
    this.patchFile(path, { recovered: true, conflict: unsaved.baseHash === held.baseHash ? 'none' : 'changed' });
    held.baseHash = unsaved.baseHash;
    this.contentChanged(path);
  }

  /** Shows what another tab has not saved, or what is on disk. */
  private async follow(path: string, shared: Shared): Promise<void> {
    const held = this.held.get(path);
    const model = this.file(path)?.model;
    if (!held || !model) return;
    held.shown += 1;
    const { shown } = held;
    const onDisk = shared.text === null ? await this.options.ask('file.read', { path }).catch(() => null) : null;
    const text = shared.text ?? onDisk?.text ?? null;
    // What was told since is newer than what was read.
    if (text === null || this.held.get(path) !== held || held.shown !== shown || this.file(path)?.edited === 'here') return;
    replaceText(model, text);
    held.baseHash = onDisk?.hash ?? shared.baseHash;
    held.savedVersion = model.getAlternativeVersionId();
    this.patchFile(path, { edited: 'elsewhere', dirty: false, conflict: 'none', saveError: null, recovered: false });
  }

  private stopEditing(held: Held): void {
    held.cancelDraft?.();
    held.cancelAutoSave?.();
    held.cancelDraft = null;
    held.cancelAutoSave = null;
    held.recorder?.close();
    held.recorder = null;
  }

  private contentChanged(path: string): void {
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
    held.cancelDraft?.();
    held.cancelDraft = this.options.time.after(dirty ? DRAFT_AFTER_MS : 0, () => {
      held.cancelDraft = null;
      this.keepDraft(path, held, model);
    });
  }

  /** What asks the person something, or failed, waits for the person. */
  private saveByItself(path: string): void {
    const file = this.file(path);
    if (file?.dirty && file.conflict === 'none' && file.saveError === null) void this.save(path);
  }

  private keepDraft(path: string, held: Held, model: TextModel): void {
    if (model.isDisposed()) return;
    const { attemptId, drafts, time } = this.options;
    const dirty = model.getAlternativeVersionId() !== held.savedVersion;
    const kept = dirty
      ? drafts.put({ attemptId, path, text: model.getValue(), baseHash: held.baseHash, savedAtMs: time.wallMs() })
      : drafts.delete(attemptId, path);
    // A browser that stores nothing still edits and saves; only the reload's safety net is missing.
    void kept.catch(() => {});
  }

  private release(held: Held): void {
    this.stopEditing(held);
    held.subscription?.dispose();
  }
}
