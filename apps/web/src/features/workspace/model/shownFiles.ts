import { EDITOR_FILE_MAX_BYTES, type RequestResult } from '@plumbline/protocol';
import { ArrangedFiles } from './arrangedFiles.ts';
import type { Ask } from './ask.ts';
import type { BrowserTime } from './browserTime.ts';
import type { DraftStore } from './draftStore.ts';
import type { OfferEvent } from './editorRecorder.ts';
import { languageOf, type MonacoApi } from './monaco.ts';
import { exceedsFrame, type Held, isOfLibrary, type OpenFile } from './openFile.ts';
import type { OpenList } from './openList.ts';
import { replaceText } from './replaceText.ts';

export interface OpenFilesOptions {
  attemptId: string;
  tab: string;
  monaco: MonacoApi;
  ask: Ask;
  offer: OfferEvent;
  drafts: DraftStore;
  time: BrowserTime;
  /** What all terminals of the attempt have put out, as far as this page knows. */
  outputBytes: () => number;
  /** Which files were open, kept for the next page. */
  openList: Pick<OpenList, 'keep' | 'last'>;
  /** Whether files are saved by themselves; asked at each change. */
  savesByItself: () => boolean;
}

export type FileOnDisk = RequestResult<'file.read'>;
/** A file as it is shown: without a hash where there is none on disk. */
export type ShownFile = Omit<FileOnDisk, 'hash'> & { hash: string | null };

/** What is shown of a file that is gone, below unsaved text that was left of it. */
export const NOTHING_ON_DISK: ShownFile = { text: '', hash: null, size: 0, modifiedMs: undefined, partial: false };

/** Formats that every browser draws and that cannot run anything; an SVG is a text. */
const IMAGES = /\.(png|jpe?g|gif|webp|bmp|ico|avif)$/i;
/** A file that changes all the time is read again so seldom that it takes no more than this of the link, which carries the keys as well. */
const READ_AGAIN_BYTES_PER_S = 512 * 1024;

function whyReadOnly({ text, partial }: ShownFile, isImage: boolean, isLibrary = false): string | null {
  if (isLibrary)
    return partial
      ? 'This file of a library is large: its first part is shown.'
      : 'This is a library’s file: it is shown, and cannot be edited here.';
  if (isImage) return 'This is a picture.';
  if (text === null) return 'This is a binary file. Look at it from a terminal, or download it.';
  if (partial) return 'This file is too large for the editor: its first part is shown, and it cannot be edited here.';
  return exceedsFrame(text) ? 'This file is too large to be saved from the editor, so it is read-only here.' : null;
}

/** Whether the editor can hold a file so that it can be changed and saved. */
export function isEditable(onDisk: ShownFile): boolean {
  return whyReadOnly(onDisk, false) === null;
}

/** What the editor shows of files on disk: as a text whole or in part, as a picture, or in a sentence. */
export abstract class ShownFiles extends ArrangedFiles {
  protected readonly options: OpenFilesOptions;
  protected readonly held = new Map<string, Held>();

  constructor(options: OpenFilesOptions) {
    super(options.openList);
    this.options = options;
  }

  protected abstract contentChanged(path: string): void;
  /** The text of a file is gone, and what was kept of it has no use any more. */
  protected abstract textGone(held: Held): void;

  /** Whether a file is still open, and under the path that something was asked about. */
  protected isOpen(held: Held, path = held.path): boolean {
    return !this.disposed && held.path === path && this.held.get(path) === held;
  }

  protected async readDisk(held: Held): Promise<FileOnDisk> {
    const { ask } = this.options;
    const { path } = held;
    if (isOfLibrary(path)) return { ...(await ask('language.source', { path })), modifiedMs: undefined };
    const answer = await ask('file.read', { path });
    const readBytes = Math.min(answer.size, EDITOR_FILE_MAX_BYTES);
    held.restUntilMonoMs = this.options.time.monoMs() + (readBytes * 1_000) / READ_AGAIN_BYTES_PER_S;
    return answer;
  }

  /** Makes the editor show a file as it is on disk; the undo history keeps what was there. */
  protected show(held: Held, onDisk: ShownFile): void {
    const { monaco } = this.options;
    const { path } = held;
    const model = this.file(path)?.model ?? null;
    const isImage = onDisk.text === null && IMAGES.test(path);
    const shown: Partial<OpenFile> = {
      state: 'ready',
      error: null,
      size: onDisk.size,
      modifiedMs: onDisk.modifiedMs,
      hash: onDisk.hash,
      partial: onDisk.partial,
      outdated: false,
      isImage,
      readOnlyReason: whyReadOnly(onDisk, isImage, isOfLibrary(path)),
      conflict: 'none',
      saveError: null,
      recovered: false,
    };
    held.baseHash = onDisk.hash;
    held.goneVersion = null;
    held.followed = null;
    if (onDisk.text === null) {
      this.patchFile(path, { ...shown, model: null, dirty: false });
      if (!model) return;
      this.textGone(held);
      model.dispose();
    } else if (model) {
      replaceText(model, onDisk.text);
      held.savedVersion = model.getAlternativeVersionId();
      this.patchFile(path, shown);
      this.contentChanged(path);
    } else {
      const made = monaco.editor.createModel(onDisk.text, languageOf(monaco, path));
      held.savedVersion = made.getAlternativeVersionId();
      held.subscription = made.onDidChangeContent(() => this.contentChanged(held.path));
      this.patchFile(path, { ...shown, model: made });
    }
  }
}
