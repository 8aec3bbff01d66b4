import { AppError } from '@plumbline/core';
import { renamedFile, withoutFile } from './editorPanes.ts';
import { languageOf } from './monaco.ts';
import {
  exceedsFrame,
  type Held,
  isMissing,
  isOfLibrary,
  isPassing,
  isUnder,
  loadingFile,
  messageOf,
  newHeld,
  type Place,
  pathAfterMove,
  readOnlyReason,
} from './openFile.ts';
import type { Direction, FilePoint } from './placeHistory.ts';
import { replaceText } from './replaceText.ts';
import { type FileOnDisk, isEditable } from './shownFiles.ts';
import { Store } from './store.ts';
import { WatchedFiles } from './watchedFiles.ts';

/**
 * The files that are open in this tab's editor, between the disk and their models: opening, saving, and what happens when somebody
 * else wrote a file. A save names the text that the edit started from, so that nothing is overwritten without asking.
 */

export class OpenFiles extends WatchedFiles {
  /** A place that waits until the pane that has the focus shows its file. */
  readonly wanted = new Store<{ path: string; place: Place } | null>(null);
  /** Until what an earlier page of this tab had open is shown again: nobody asked for that just now. */
  isRestoring = true;
  /** Until the cursor stands where it stood in an earlier page: what is shown first is nowhere that anybody went. */
  private isResuming = false;
  private travelling: Promise<unknown> = Promise.resolve();
  private readonly saves = new Map<string, Promise<boolean>>();

  /**
   * Opens again what an earlier page of this tab had open, and each file whose unsaved text was left by a tab that is gone. Answers
   * which of these came back.
   */
  async restore(): Promise<string[]> {
    const kept = await this.remembered();
    if (kept?.trail) {
      this.trail.resume(kept.trail);
      this.isResuming = true;
    }
    // What somebody has opened here already stays in front.
    const { active } = this.store.get();
    await Promise.all(kept?.paths.map((path) => this.open(path, false)) ?? []);
    if (kept) this.arrangeAsBefore(active === null ? kept : { ...kept, active });
    const back: string[] = [];
    for (const path of await this.findLeft()) if (await this.openLeft(path)) back.push(path);
    // Once whoever draws them has done so.
    this.options.time.after(0, () => {
      this.isRestoring = false;
      this.isResuming = false;
    });
    return back;
  }

  override flush(): void {
    super.flush();
    // Of several tabs it is the one that is left last which the next page goes on with.
    if (this.store.get().files.length > 0) this.rememberOpen();
  }

  private async openLeft(path: string): Promise<boolean> {
    if (this.held.has(path)) return false;
    const { editing } = await this.share.open(path, 'edit');
    if (!editing) {
      // It is open where it is edited.
      this.share.close(path);
      this.left.delete(path);
      return false;
    }
    await this.open(path, false);
    const file = this.file(path);
    if (file?.state === 'ready' && !file.recovered && file.readOnlyReason === null) this.shut(path);
    return file?.recovered === true;
  }

  /** Opens a file, or shows it where it is open already. */
  async open(path: string, activate = true): Promise<void> {
    if (this.held.has(path)) {
      if (activate) this.activate(path);
      return;
    }
    this.held.set(path, newHeld(path));
    const { files, active } = this.store.get();
    this.store.patch({ files: [...files, loadingFile(path)] });
    if (activate || active === null) this.activate(path);
    else this.rememberOpen();
    await this.load(path);
  }

  /** Opens a file and shows a place in it. */
  async openAt(path: string, place: Place): Promise<void> {
    this.wanted.set({ path, place });
    await this.open(path);
  }

  /** The cursor is in use here. Until it is at a place that was asked for, it is nowhere that anybody went. */
  cursorStands(point: FilePoint): void {
    if (!this.isResuming && this.wanted.get()?.path !== point.path) this.trail.places.stands(point);
  }

  /** Where in a file that comes back with the page the cursor is to stand. */
  stoodAt(path: string): FilePoint | null {
    return this.isResuming ? this.trail.places.standsIn(path) : null;
  }

  /** Shows where the cursor was before it went elsewhere, or where it went from there, past files that are gone. */
  async travel(to: Direction): Promise<void> {
    const way = this.travelling.then(() => this.pointTo(to));
    // Of two presses of the key the second goes on from where the first led.
    this.travelling = way;
    const point = await way;
    if (point) await this.openAt(point.path, { ...point, length: 0 });
  }

  private async pointTo(to: Direction): Promise<FilePoint | null> {
    const { active } = this.store.get();
    const { places } = this.trail;
    if (active !== null) places.shows(active);
    for (let next = places.next(to); next && (await this.isGone(next.path)); next = places.next(to)) places.forget(next.path);
    return places.go(to);
  }

  private async isGone(path: string): Promise<boolean> {
    if (this.held.has(path)) return false;
    const reading = isOfLibrary(path)
      ? this.options.ask('language.source', { path })
      : this.options.ask('file.range', { path, offset: 0, length: 1 });
    return reading.then(() => false, isMissing);
  }

  /** Opens the file that was closed last and is not open again. */
  async reopen(): Promise<void> {
    const path = this.trail.takeClosed((one) => this.held.has(one));
    if (path !== undefined) await this.open(path);
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
    if (held) await this.inTurn(held, () => this.readFirst(held));
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

  /** Saves each file about which there is nothing to ask. Answers what was saved. */
  async saveUnasked(): Promise<string[]> {
    const unsaved = this.store.get().files.filter((file) => file.dirty && this.needsNoAnswer(file));
    const saved = await Promise.all(unsaved.map(({ path }) => this.save(path)));
    return unsaved.flatMap(({ path }, at) => (saved[at] ? path : []));
  }

  private async write(path: string, overwrite: boolean): Promise<boolean> {
    const held = this.held.get(path);
    const file = this.file(path);
    if (!held || !file?.model || readOnlyReason(file) !== null) return false;
    const { monaco, tab, ask } = this.options;
    const text = file.model.getValue(monaco.editor.EndOfLinePreference.TextDefined, true);
    if (this.refusesLength(path, text)) return false;
    const version = file.model.getAlternativeVersionId();
    this.patchFile(path, { saving: true, saveError: null });
    held.savesAgain = false;
    try {
      if (held.unansweredHash !== null) this.isOwnSave(held, await this.hashOnDisk(path));
      // A file that is gone is written anew, unless something else is there by now.
      const baseHash = overwrite ? await this.hashOnDisk(path) : file.conflict === 'deleted' ? null : held.baseHash;
      const answer = await ask('file.write', { tab, path, text, baseHash });
      if (this.held.get(path) !== held) return true;
      held.baseHash = answer.hash;
      held.savedVersion = version;
      held.goneVersion = null;
      held.unansweredHash = null;
      this.patchFile(path, { saving: false, conflict: 'none', recovered: false, size: answer.size, hash: answer.hash });
      this.contentChanged(path);
      return true;
    } catch (error) {
      if (error instanceof AppError && error.code === 'conflict') this.patchFile(path, { saving: false, conflict: 'save_refused' });
      else this.patchFile(path, { saving: false, saveError: messageOf(error) });
      if (isPassing(error)) this.saveAgain(held, text);
      return false;
    } finally {
      if (held.changedWhileSaving) {
        held.changedWhileSaving = false;
        this.onDiskChanged(path);
      }
    }
  }

  /** Takes the file on disk into the editor; the undo history keeps what was there. What is typed meanwhile stays. */
  async reload(path: string): Promise<void> {
    const held = this.held.get(path);
    const version = this.file(path)?.model?.getAlternativeVersionId();
    if (held) await this.inTurn(held, () => this.takeDisk(held, version, false));
  }

  /** `isKept`: the text of that version is safe elsewhere, so that it may go without a way back. */
  private async takeDisk(held: Held, version: number | undefined, isKept: boolean): Promise<void> {
    const { path } = held;
    const file = this.file(path);
    if (!file || !this.isOpen(held)) return;
    const { model } = file;
    if (!model) return this.readFirst(held);
    if (file.edited !== 'here') return this.takeShared(held);
    let onDisk: FileOnDisk;
    try {
      onDisk = await this.readDisk(held);
    } catch (error) {
      if (isMissing(error)) this.wentAway(held, path);
      else if (this.isOpen(held, path)) this.patchFile(path, { saveError: messageOf(error) });
      return;
    }
    if (!this.isOpen(held, path)) return;
    const { dirty, saving } = this.file(path) ?? file;
    if (model.isDisposed() || saving || model.getAlternativeVersionId() !== version) this.onDiskChanged(path, onDisk);
    else if (dirty && !isKept && !isEditable(onDisk)) {
      const what = onDisk.text === null ? 'a binary file' : 'too large for the editor';
      this.patchFile(path, { saveError: `The file on disk is ${what} by now. Keep both: your text would be lost otherwise.` });
    } else this.show(held, onDisk);
  }

  /** Saves the editor's text beside the file under a free name, then takes the file on disk. Gives the copy's path. */
  async keepBoth(path: string): Promise<string | null> {
    const held = this.held.get(path);
    const model = this.file(path)?.model;
    if (!held || !model) return null;
    const { monaco, tab, ask } = this.options;
    const version = model.getAlternativeVersionId();
    const text = model.getValue(monaco.editor.EndOfLinePreference.TextDefined, true);
    if (this.refusesLength(path, text)) return null;
    const slash = path.lastIndexOf('/') + 1;
    const dot = path.lastIndexOf('.');
    const [stem, extension] = dot > slash ? [path.slice(0, dot), path.slice(dot)] : [path, ''];
    for (let count = 1; count <= 50; count += 1) {
      const copy = `${stem}.mine${count === 1 ? '' : `-${count}`}${extension}`;
      try {
        await ask('file.write', { tab, path: copy, text, baseHash: null });
        await this.inTurn(held, () => this.takeDisk(held, version, true));
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

  /** Closes a file for the person, who may have it opened again. Its unsaved text is given up: the caller has asked. */
  close(path: string): void {
    if (this.held.has(path)) this.trail.close(path);
    this.shut(path);
  }

  private shut(path: string): void {
    const held = this.held.get(path);
    if (!held) return;
    const file = this.file(path);
    this.held.delete(path);
    this.release(held);
    if (!isOfLibrary(path)) this.share.close(path);
    this.store.patch(withoutFile(this.store.get(), path));
    // Once whoever draws it has let go of it.
    if (file?.model) this.options.time.after(0, () => file.model?.dispose());
    this.left.delete(path);
    if (this.wanted.get()?.path === path) this.wanted.set(null);
    // The draft of a file that another tab edits is that tab's; one that was never shown waits for the next time.
    if (file && file.edited !== 'elsewhere' && file.state !== 'failed')
      this.dropDraft(path, file.edited === 'apart' ? this.options.tab : undefined);
    this.rememberOpen();
  }

  /** The person deleted a path: what is open of it closes, unless something was typed into it meanwhile, which can be written again. */
  deleted(from: string): void {
    for (const { path, dirty, model } of this.store.get().files) {
      const isTyped = dirty && model?.getAlternativeVersionId() !== this.held.get(path)?.goneVersion;
      if (isUnder(path, from) && !isTyped) this.shut(path);
    }
  }

  /** The path moved: the editor follows with what is unsaved, and with what undo brings back. */
  async renamed(from: string, to: string): Promise<void> {
    this.trail.renamed(from, to);
    for (const { path } of this.store.get().files) {
      if (isUnder(path, from)) await this.move(path, pathAfterMove(path, from, to));
    }
  }

  private async move(path: string, target: string): Promise<void> {
    for (let saving = this.saves.get(path); saving; saving = this.saves.get(path)) await saving;
    const held = this.held.get(path);
    const file = this.file(path);
    if (!held || !file) return;
    if (this.file(target)?.dirty) {
      // Two texts that are saved nowhere: each keeps its own tab.
      return this.wentAway(held, path);
    }
    this.shut(target);
    const { model } = file;
    if (!model || file.edited === 'elsewhere') {
      const wasActive = this.store.get().active === path;
      this.shut(path);
      return this.open(target, wasActive);
    }
    this.stopEditing(held);
    this.held.delete(path);
    this.held.set(target, held);
    held.path = target;
    const { monaco, attemptId, drafts } = this.options;
    // Whoever hears of the new path asks for the language.
    monaco.editor.setModelLanguage(model, languageOf(monaco, target));
    this.store.patch(renamedFile(this.store.get(), path, target));
    // What was asked about the old path is found out anew.
    this.patchFile(target, { conflict: 'none', saveError: null });
    this.rememberOpen();
    if (file.edited === 'here') this.record(held, model);
    this.keepDraft(held, model)
      .then(() => drafts.delete(attemptId, path))
      .catch(() => {});
    const shared = await this.share.open(target, 'edit');
    this.share.close(path);
    if (!this.isOpen(held, target)) return;
    this.sharedChanged(target, shared);
    this.contentChanged(target);
    this.onDiskChanged(target);
  }

  /** The files with text that is saved nowhere, also of a tab that is gone. */
  get unsaved(): string[] {
    const dirty = this.store.get().files.flatMap((file) => (file.dirty ? file.path : []));
    return [...dirty, ...[...this.left].filter((path) => this.file(path)?.state !== 'ready')];
  }

  private refusesLength(path: string, text: string): boolean {
    if (!exceedsFrame(text)) return false;
    const saveError = 'The text has become too large to be saved from the editor. Save it in parts, or from a terminal.';
    this.patchFile(path, { saveError });
    return true;
  }

  private async hashOnDisk(path: string): Promise<string | null> {
    try {
      return (await this.options.ask('file.read', { path })).hash;
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }
}
