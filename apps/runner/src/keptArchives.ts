import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { AppError } from '@plumbline/core';
import { ARCHIVE_MAX_BYTES, FILE_PART_MAX_BYTES, UNDELETE_MAX_BYTES } from '@plumbline/protocol';
import type { WorkspaceFiles } from '@plumbline/sandbox';

/** Archives of parts of the workspace that a page may ask for again: folders on their way down, and what was deleted. */

/** Few enough that they cannot fill the host's disk; the oldest goes first. */
const DOWNLOADS_KEPT = 2;
const DELETED_KEPT = 10;

/** An archive on the host, and what of the workspace it was made of. */
interface KeptFile {
  tarPath: string;
  path: string;
}

class KeptFiles {
  readonly #most: number;
  readonly #files = new Map<string, KeptFile>();

  constructor(most: number) {
    this.#most = most;
  }

  add(file: KeptFile): string {
    const id = randomUUID();
    this.#files.set(id, file);
    for (const [oldest, { tarPath }] of this.#files) {
      if (this.#files.size <= this.#most) break;
      this.#files.delete(oldest);
      void rm(tarPath, { force: true });
    }
    return id;
  }

  get(id: string): KeptFile | undefined {
    return this.#files.get(id);
  }

  async drop(id: string): Promise<void> {
    const file = this.#files.get(id);
    this.#files.delete(id);
    if (file !== undefined) await rm(file.tarPath, { force: true });
  }

  async clear(): Promise<void> {
    for (const id of [...this.#files.keys()]) await this.drop(id);
  }
}

export class KeptArchives {
  readonly #files: WorkspaceFiles;
  readonly #downloads = new KeptFiles(DOWNLOADS_KEPT);
  readonly #deleted = new KeptFiles(DELETED_KEPT);

  constructor(files: WorkspaceFiles) {
    this.#files = files;
  }

  /** Archives a folder for a download. */
  async pack(path: string): Promise<{ archive: string; size: number; skipped: number; hash: string }> {
    const { tarPath, tarBytes, tarHash, skipped } = await this.#files.capture([path], { maxBytes: ARCHIVE_MAX_BYTES });
    return { archive: this.#downloads.add({ tarPath, path }), size: tarBytes, skipped: skipped.length, hash: tarHash };
  }

  async part(archive: string, offset: number): Promise<{ data: string; size: number }> {
    const kept = this.#downloads.get(archive);
    if (kept === undefined) throw new AppError('not_found', 'This download is over. Start it again.');
    const file = await open(kept.tarPath, 'r');
    try {
      const { size } = await file.stat();
      const buffer = Buffer.alloc(Math.max(0, Math.min(FILE_PART_MAX_BYTES, size - offset)));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
      return { data: buffer.subarray(0, bytesRead).toString('base64'), size };
    } finally {
      await file.close();
    }
  }

  /** Deletes a path and keeps what it held. Rejects with `too_large`, and deletes nothing, where it cannot be kept whole. */
  async deleteKept(path: string): Promise<string> {
    const { tarPath, skipped } = await this.#files.capture([path], { maxBytes: UNDELETE_MAX_BYTES });
    try {
      if (skipped.length > 0) throw new AppError('too_large', 'A part of this folder cannot be kept, so deleting it could not be undone.');
      await this.#files.delete(path);
    } catch (error) {
      await rm(tarPath, { force: true });
      throw error;
    }
    return this.#deleted.add({ tarPath, path });
  }

  /** Brings back what was deleted. Rejects with `conflict`, and changes nothing, where something of its name is there again. */
  async undelete(undo: string): Promise<void> {
    const kept = this.#deleted.get(undo);
    if (kept === undefined) throw new AppError('not_found', 'What was deleted is no longer kept.');
    await this.#files.restore(kept.tarPath, kept.path);
    await this.#deleted.drop(undo);
  }

  async close(): Promise<void> {
    await this.#downloads.clear();
    await this.#deleted.clear();
  }
}
