import { AppError } from '@plumbline/core';
import { ARCHIVE_MAX_BYTES, FILE_PART_MAX_BYTES, UPLOAD_MAX_BYTES } from '@plumbline/protocol';
import type { Ask } from './ask.ts';
import type { BrowserTime } from './browserTime.ts';
import type { Incoming } from './droppedFiles.ts';
import { sha256OfText } from './sha256.ts';
import { Store } from './store.ts';

/**
 * Files on their way up or down, in parts over the attempt's own socket. A part that the link lost is sent again; a file
 * that is dropped a second time after a reload goes on where it was, as its name, size and date name the upload.
 */

export type TransferState = 'waiting' | 'running' | 'exists' | 'done' | 'failed' | 'cancelled';

export interface Transfer {
  id: number;
  direction: 'upload' | 'download';
  path: string;
  doneBytes: number;
  /** Null while a folder is being packed. */
  totalBytes: number | null;
  state: TransferState;
  error: string | null;
}

export interface TransfersOptions {
  tab: string;
  ask: Ask;
  time: BrowserTime;
  /** A file came in: its folder has changed. */
  onUploaded: (path: string) => void;
  /** Hands a finished download to the person. */
  save: (name: string, parts: Uint8Array<ArrayBuffer>[]) => void;
}

const RETRY_MS = 1_500;
/** What comes back when the link is away, the sandbox is, or the clock stands still for a while. */
const WORTH_WAITING = new Set(['unavailable', 'sandbox_unavailable', 'clock_not_running', 'rate_limited']);
const PART_TIMEOUT_MS = 30_000;
const PACK_TIMEOUT_MS = 130_000;
const TOO_LARGE_TO_SEND = 'Over 2 GiB; fetch it in a terminal instead.';
const TOO_LARGE_TO_FETCH = 'Over 1 GiB. Split it in a terminal, such as with “split -b 900M”, and download the pieces.';
/** More are counted, not drawn. */
const SHOWN_MAX = 50;
/** What asks or failed is never left out for what needs nobody. */
const SHOWN_FIRST: Record<TransferState, number> = { exists: 0, failed: 1, running: 2, waiting: 3, done: 4, cancelled: 5 };

/** The transfers to draw, in their order, and how many of the others wait and have ended. */
export function shownTransfers(list: readonly Transfer[]): { shown: Transfer[]; waiting: number; ended: number } {
  if (list.length <= SHOWN_MAX) return { shown: [...list], waiting: 0, ended: 0 };
  // Of those that have ended the newest say most.
  const rank = (one: Transfer) => SHOWN_FIRST[one.state] * list.length + (hasEnded(one) ? list.length - one.id : 0) / list.length;
  const drawn = new Set([...list].sort((a, b) => rank(a) - rank(b)).slice(0, SHOWN_MAX));
  const others = list.filter((one) => !drawn.has(one));
  const ended = others.filter(hasEnded).length;
  return { shown: list.filter((one) => drawn.has(one)), waiting: others.length - ended, ended };
}

export function hasEnded({ state }: Transfer): boolean {
  return state !== 'waiting' && state !== 'running' && state !== 'exists';
}

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

function base64Of(bytes: Uint8Array): string {
  let binary = '';
  const step = 0x8000;
  for (let at = 0; at < bytes.length; at += step) binary += String.fromCharCode(...bytes.subarray(at, at + step));
  return btoa(binary);
}

export class Transfers {
  readonly store = new Store<Transfer[]>([]);
  private readonly options: TransfersOptions;
  private readonly files = new Map<number, File>();
  private readonly replacing = new Set<number>();
  /** Uploads in the order in which they go up; one that was cancelled meanwhile has no file any more. */
  private readonly waiting: number[] = [];
  private nextId = 1;
  private uploading = false;
  private stopped = false;

  constructor(options: TransfersOptions) {
    this.options = options;
  }

  /** Queues files; they go up one after another. */
  upload(incoming: Incoming[]): void {
    const added = incoming.map(({ path, file }) => {
      const transfer = this.newTransfer({ direction: 'upload', path, totalBytes: file.size });
      if (file.size > UPLOAD_MAX_BYTES) return { ...transfer, state: 'failed' as const, error: TOO_LARGE_TO_SEND };
      this.files.set(transfer.id, file);
      this.waiting.push(transfer.id);
      return transfer;
    });
    this.store.set([...this.store.get(), ...added]);
    void this.work();
  }

  /** Answers the question of an upload whose name is taken. */
  replace(id: number): void {
    this.replacing.add(id);
    this.waiting.push(id);
    this.patch(id, { state: 'waiting', error: null });
    void this.work();
  }

  cancel(id: number): void {
    const transfer = this.get(id);
    if (!transfer || transfer.state === 'done') return;
    this.patch(id, { state: 'cancelled' });
    const file = this.files.get(id);
    this.files.delete(id);
    if (file && transfer.doneBytes > 0) {
      void this.options.ask('file.dropUpload', { path: transfer.path, upload: uploadId(transfer.path, file) }).catch(() => {});
    }
  }

  /** Takes everything that has ended off the list. */
  clearEnded(): void {
    this.store.set(this.store.get().filter((one) => !hasEnded(one)));
  }

  /** Fetches a file, or a folder as a tar archive, and hands it over whole. */
  async download(path: string): Promise<void> {
    const transfer = this.newTransfer({ direction: 'download', path, totalBytes: null });
    const { id } = transfer;
    this.store.set([...this.store.get(), { ...transfer, state: 'running' }]);
    try {
      const { archive, size, skipped } = await this.options.ask('file.download', { tab: this.options.tab, path }, PACK_TIMEOUT_MS);
      this.patch(id, { totalBytes: size });
      // All of it waits in the browser's memory until it is whole.
      if (size > ARCHIVE_MAX_BYTES) throw new AppError('too_large', TOO_LARGE_TO_FETCH);
      const parts: Uint8Array<ArrayBuffer>[] = [];
      let done = 0;
      while (done < size) {
        const { data } = await this.persist(id, () =>
          archive === null
            ? this.options.ask('file.range', { path, offset: done, length: FILE_PART_MAX_BYTES }, PART_TIMEOUT_MS)
            : this.options.ask('archive.range', { archive, offset: done }, PART_TIMEOUT_MS),
        );
        const bytes = bytesOf(data);
        if (bytes.length === 0) throw new AppError('conflict', 'The file became shorter while it was read. Try again.');
        parts.push(bytes);
        done += bytes.length;
        this.patch(id, { doneBytes: done });
      }
      const name = path === '.' ? 'workspace' : path.slice(path.lastIndexOf('/') + 1);
      this.options.save(archive === null ? name : `${name}.tar`, parts);
      this.patch(id, { state: 'done', error: skipped > 0 ? `${skipped} entries that are no files were left out.` : null });
    } catch (error) {
      this.failed(id, error);
    }
  }

  /** Nobody waits for them any more. */
  stop(): void {
    this.stopped = true;
    this.files.clear();
  }

  /** Takes files again after a stop. */
  resume(): void {
    this.stopped = false;
  }

  private async work(): Promise<void> {
    if (this.uploading) return;
    this.uploading = true;
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) await this.send(next);
    this.uploading = false;
  }

  private async send(id: number): Promise<void> {
    const file = this.files.get(id);
    const path = this.get(id)?.path;
    if (!file || path === undefined) return;
    this.patch(id, { state: 'running' });
    const fixed = { tab: this.options.tab, path, upload: uploadId(path, file), total: file.size, replace: this.replacing.has(id) };
    try {
      // A part of nothing asks how much is there from an earlier try.
      let answer = await this.persist(id, () => this.options.ask('file.upload', { ...fixed, offset: 0, data: '' }, PART_TIMEOUT_MS));
      while (answer.hash === null) {
        const offset = answer.received;
        this.patch(id, { doneBytes: offset });
        const bytes = new Uint8Array(await file.slice(offset, offset + FILE_PART_MAX_BYTES).arrayBuffer());
        answer = await this.persist(id, () =>
          this.options.ask('file.upload', { ...fixed, offset, data: base64Of(bytes) }, PART_TIMEOUT_MS),
        );
      }
      this.files.delete(id);
      this.patch(id, { state: 'done', doneBytes: file.size });
      this.options.onUploaded(path);
    } catch (error) {
      if (error instanceof AppError && error.code === 'conflict' && !fixed.replace) this.patch(id, { state: 'exists' });
      else this.failed(id, error);
    }
  }

  /** Tries again until it is answered, as long as what is in the way passes by itself. */
  private async persist<T>(id: number, act: () => Promise<T>): Promise<T> {
    for (;;) {
      if (this.stopped || this.get(id)?.state === 'cancelled') throw new AppError('conflict', 'Cancelled.');
      try {
        return await act();
      } catch (error) {
        if (!(error instanceof AppError) || !WORTH_WAITING.has(error.code)) throw error;
        await new Promise<void>((resolve) => this.options.time.after(RETRY_MS, resolve));
      }
    }
  }

  private failed(id: number, error: unknown): void {
    if (this.get(id)?.state === 'cancelled') return;
    this.files.delete(id);
    this.patch(id, { state: 'failed', error: error instanceof Error ? error.message : 'That did not work. Try again.' });
  }

  private newTransfer(part: Pick<Transfer, 'direction' | 'path' | 'totalBytes'>): Transfer {
    return { id: this.nextId++, doneBytes: 0, state: 'waiting', error: null, ...part };
  }

  private get(id: number): Transfer | undefined {
    return this.store.get()[this.indexOf(id)];
  }

  private patch(id: number, part: Partial<Transfer>): void {
    const at = this.indexOf(id);
    const before = this.store.get()[at];
    if (before && before.state !== 'cancelled') this.store.set(this.store.get().with(at, { ...before, ...part }));
  }

  /** Where a transfer stands: the list is in the order of the numbers, and may have thousands. */
  private indexOf(id: number): number {
    const list = this.store.get();
    let [from, to] = [0, list.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((list[middle]?.id ?? id) < id) from = middle + 1;
      else to = middle;
    }
    return list[from]?.id === id ? from : -1;
  }
}

function uploadId(path: string, file: Pick<File, 'size' | 'lastModified'>): string {
  return sha256OfText(`${path}\n${file.size}\n${file.lastModified}`).slice(0, 32);
}

/** Gives bytes to the person as a file of their own machine. */
export function saveToDisk(name: string, parts: Uint8Array<ArrayBuffer>[]): void {
  const url = URL.createObjectURL(new Blob(parts));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
