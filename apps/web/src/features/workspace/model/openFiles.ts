import { AppError } from '@plumbline/core';
import type { RequestResult } from '@plumbline/protocol';
import type { Shared } from './documentShare.ts';
import { withoutFile } from './editorPanes.ts';
import { languageOf } from './monaco.ts';
import { exceedsFrame, loadingFile, messageOf, type Place, readOnlyReason } from './openFile.ts';
import { replaceText } from './replaceText.ts';
import { SharedFiles } from './sharedFiles.ts';
import { Signal } from './signal.ts';

/**
 * The files that are open in this tab's editor, between the disk and their models: opening, saving, and what happens when somebody
 * else wrote a file. A save names the text that the edit started from, so that nothing is overwritten without asking.
 */

/** Formats that every browser draws and that cannot run anything; an SVG is a text. */
const IMAGES = /\.(png|jpe?g|gif|webp|bmp|ico|avif)$/i;

export class OpenFiles extends SharedFiles {
  /** A place is to be shown in the pane that has the focus. */
  readonly revealed = new Signal<{ path: string; place: Place }>();
  private readonly saves = new Map<string, Promise<boolean>>();

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
      followed: null,
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

  get hasUnsaved(): boolean {
    return this.store.get().files.some((file) => file.dirty);
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
}
