import { AppError } from '@plumbline/core';
import type { RequestAct, RequestArgs, RequestResult } from '@plumbline/protocol';
import type { BrowserTime } from './browserTime.ts';
import { closedPane, droppedFile, focusedPane, type OpenFilesState, shownInPane, splitPane, withoutFile } from './editorPanes.ts';
import { EditorRecorder, type OfferEvent } from './editorRecorder.ts';
import { languageOf, type MonacoApi, type TextModel } from './monaco.ts';
import { exceedsFrame, type Held, loadingFile, messageOf, type OpenFile, type Place } from './openFile.ts';
import type { DraftStore } from './outboxStore.ts';
import { MOST_PANES, movedAlong, movedBefore, type PaneSpot } from './paneDrop.ts';
import { Signal } from './signal.ts';
import { Store } from './store.ts';

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
export class OpenFiles {
  readonly store = new Store<OpenFilesState>({ files: [], active: null, panes: [null], pane: 0 });
  /** A place is to be shown in the pane that has the focus. */
  readonly revealed = new Signal<{ path: string; place: Place }>();
  private readonly options: OpenFilesOptions;
  private readonly held = new Map<string, Held>();
  private disposed = false;

  constructor(options: OpenFilesOptions) {
    this.options = options;
  }

  /** Opens again what an earlier page of this tab had open. */
  async restore(): Promise<void> {
    const kept = this.options.remember.getItem(this.rememberKey);
    if (!kept) return;
    const { paths, active, panes } = JSON.parse(kept) as { paths: string[]; active: string | null; panes?: (string | null)[] };
    await Promise.all(paths.map((path) => this.open(path, false)));
    if (panes && panes.length > 1) {
      const shown = panes.slice(0, MOST_PANES).map((path) => (path && this.held.has(path) ? path : null));
      this.store.patch({ panes: shown, pane: Math.max(0, shown.indexOf(active)) });
    }
    if (active && this.held.has(active)) this.activate(active);
  }

  /** Opens a file, or shows it where it is open already. */
  async open(path: string, activate = true): Promise<void> {
    if (this.held.has(path)) {
      if (activate) this.activate(path);
      return;
    }
    this.held.set(path, { baseHash: null, savedVersion: 0, recorder: null, subscription: null, cancelDraft: null, cancelAutoSave: null });
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

  /** Shows an open file in the pane that has the focus. */
  activate(path: string): void {
    this.store.patch(shownInPane(this.store.get(), path));
    this.rememberOpen();
  }

  /** Another pane beside the one that has the focus, with the same file. */
  split(): void {
    this.arrange(splitPane(this.store.get()));
  }

  closePane(at: number): void {
    this.arrange(closedPane(this.store.get(), at));
  }

  /** Shows an open file in a pane, or in a new one at its edge. */
  dropOnPane(path: string, at: number, spot: PaneSpot): void {
    if (this.held.has(path)) this.arrange(droppedFile(this.store.get(), path, at, spot));
  }

  /** Puts a file's tab in front of another's; at the end for null. */
  moveTab(path: string, before: string | null): void {
    this.reorder(movedBefore(this.paths, path, before));
  }

  /** Puts the tab of the file in front a place further to one side. */
  moveActiveTab(by: -1 | 1): void {
    const { active } = this.store.get();
    if (active !== null) this.reorder(movedAlong(this.paths, active, by));
  }

  focusPane(at: number): void {
    this.arrange(focusedPane(this.store.get(), at));
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
        model.pushStackElement();
        model.pushEditOperations([], [{ range: model.getFullModelRange(), text }], () => null);
        model.pushStackElement();
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
    try {
      answer = await this.options.ask('file.read', { path });
    } catch (error) {
      if (this.held.get(path) === held) this.patchFile(path, { state: 'failed', error: messageOf(error) });
      return;
    }
    if (this.disposed || this.held.get(path) !== held) return;
    held.baseHash = answer.hash;
    if (answer.text === null) {
      const isImage = IMAGES.test(path);
      const readOnlyReason = isImage ? 'This is a picture.' : 'This is a binary file. Look at it from a terminal, or download it.';
      this.patchFile(path, { state: 'ready', size: answer.size, isImage, readOnlyReason });
      return;
    }
    const { monaco, tab, offer, time } = this.options;
    const model = monaco.editor.createModel(answer.text, languageOf(monaco, path));
    held.recorder = new EditorRecorder({ tab, path, hash: answer.hash, model, offer, time });
    held.savedVersion = model.getAlternativeVersionId();
    held.subscription = model.onDidChangeContent(() => this.contentChanged(path));
    const readOnlyReason = answer.partial
      ? 'This file is too large for the editor: its first part is shown, and it cannot be edited here.'
      : exceedsFrame(answer.text)
        ? 'This file is too large to be saved from the editor, so it is read-only here.'
        : null;
    this.patchFile(path, { state: 'ready', model, readOnlyReason, size: answer.size });
    if (readOnlyReason === null) await this.recoverDraft(path, held, model);
  }

  /** Saves; true when the file on disk is now what the editor shows. */
  async save(path: string, overwrite = false): Promise<boolean> {
    const held = this.held.get(path);
    const file = this.file(path);
    if (!held || !file?.model || file.readOnlyReason !== null || file.saving) return false;
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
    const model = this.file(path)?.model;
    if (!held || !model) return this.load(path);
    try {
      const answer = await this.options.ask('file.read', { path });
      if (this.held.get(path) !== held || answer.text === null) return;
      if (answer.text !== model.getValue()) {
        model.pushStackElement();
        model.pushEditOperations([], [{ range: model.getFullModelRange(), text: answer.text }], () => null);
        model.pushStackElement();
      }
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
    const model = this.file(path)?.model;
    this.held.delete(path);
    this.release(held);
    this.store.patch(withoutFile(this.store.get(), path));
    model?.dispose();
    void this.options.drafts.delete(this.options.attemptId, path).catch(() => {});
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

  dispose(): void {
    this.disposed = true;
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

  private async recoverDraft(path: string, held: Held, model: TextModel): Promise<void> {
    const draft = await this.options.drafts.get(this.options.attemptId, path).catch(() => undefined);
    if (!draft || this.held.get(path) !== held || model.isDisposed() || draft.text === model.getValue()) return;
    model.pushEditOperations([], [{ range: model.getFullModelRange(), text: draft.text }], () => null);
    this.patchFile(path, { recovered: true, conflict: draft.baseHash === held.baseHash ? 'none' : 'changed' });
    held.baseHash = draft.baseHash;
  }

  private contentChanged(path: string): void {
    const held = this.held.get(path);
    const model = this.file(path)?.model;
    if (!held || !model) return;
    const dirty = model.getAlternativeVersionId() !== held.savedVersion;
    this.patchFile(path, { dirty });
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
    held.cancelDraft?.();
    held.cancelAutoSave?.();
    held.subscription?.dispose();
    held.recorder?.close();
  }

  private file(path: string): OpenFile | undefined {
    return this.store.get().files.find((file) => file.path === path);
  }

  private patchFile(path: string, part: Partial<OpenFile>): void {
    if (this.disposed) return;
    const files = this.store.get().files.map((file) => (file.path === path ? { ...file, ...part } : file));
    this.store.patch({ files });
  }

  private get paths(): string[] {
    return this.store.get().files.map(({ path }) => path);
  }

  private reorder(paths: string[]): void {
    this.arrange({ files: paths.flatMap((path) => this.file(path) ?? []) });
  }

  private arrange(panes: Partial<OpenFilesState> | null): void {
    if (!panes) return;
    this.store.patch(panes);
    this.rememberOpen();
  }

  private get rememberKey(): string {
    return `plumbline.open.${this.options.attemptId}`;
  }

  private rememberOpen(): void {
    const { active, panes } = this.store.get();
    this.options.remember.setItem(this.rememberKey, JSON.stringify({ paths: this.paths, active, panes }));
  }
}
