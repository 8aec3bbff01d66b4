import { AppError } from '@plumbline/core';
import { EDITOR_FILE_MAX_BYTES, type RequestArgs, type RequestResult } from '@plumbline/protocol';
import type { WorkspaceFiles } from '@plumbline/sandbox';
import type { Logger } from 'pino';
import type { EventLog } from './eventLog.ts';
import { KeptArchives } from './keptArchives.ts';
import { KeptListings } from './keptListings.ts';
import type { ParticipantClock } from './participantClock.ts';
import type { Snapshots } from './snapshots.ts';

/** What a browser asks of the workspace's files, with the events that it leaves in the recording. */

/** Folders and files last looked at: these are always watched for changes from outside the editor. */
const WATCHED_MAX = 128;

export interface WorkspaceActsOptions {
  readonly files: WorkspaceFiles;
  readonly log: EventLog;
  readonly snapshots: Snapshots;
  readonly participantClock: ParticipantClock;
  readonly logger: Logger;
}

export class WorkspaceActs {
  readonly #options: WorkspaceActsOptions;
  /** Paths by last use, oldest first. */
  readonly #watched = new Set<string>();
  /** What the editor saved last, by path: the watch reports that too. */
  readonly #saved = new Map<string, string>();
  readonly #archives: KeptArchives;
  readonly #listings = new KeptListings();
  #search: AbortController | null = null;
  #paths: Promise<RequestResult<'file.paths'>> | null = null;

  constructor(options: WorkspaceActsOptions) {
    this.#options = options;
    this.#archives = new KeptArchives(options.files);
    options.files.onChange((change) => {
      if (change.op === 'renamed') this.#saved.delete(change.path);
      else if (change.hash !== undefined && this.#saved.get(change.path) === change.hash) return;
      options.log.event('file.changed', 0, change);
    });
    options.files.onOmitted((count) => options.log.event('file.omitted', 0, { count }));
  }

  async list({ path, stamp, rest }: RequestArgs<'file.list'>): Promise<RequestResult<'file.list'>> {
    if (rest !== undefined) return this.#listings.next(rest);
    const listed = await this.#options.files.list(path, stamp);
    this.#watch(path);
    return this.#listings.begin(listed);
  }

  async read({ path }: RequestArgs<'file.read'>): Promise<RequestResult<'file.read'>> {
    const content = await this.#options.files.read(path, { maxBytes: EDITOR_FILE_MAX_BYTES });
    this.#watch(path);
    return content;
  }

  async write({ tab, path, text, baseHash }: RequestArgs<'file.write'>): Promise<RequestResult<'file.write'>> {
    const { files, log, snapshots, participantClock } = this.#options;
    await participantClock.whenRunning();
    const { hash, size } = await files.write(path, text, baseHash);
    this.#saved.set(path, hash);
    this.#watch(path);
    log.event('editor.saved', 0, { tab, path, hash, size });
    snapshots.saved();
    return { hash, size };
  }

  async create({ path, kind }: RequestArgs<'file.create'>): Promise<RequestResult<'file.create'>> {
    await this.#options.participantClock.whenRunning();
    await this.#options.files.create(path, kind);
    this.#options.log.event('file.changed', 0, { op: 'created', path });
    return {};
  }

  async rename({ path, to }: RequestArgs<'file.rename'>): Promise<RequestResult<'file.rename'>> {
    await this.#options.participantClock.whenRunning();
    await this.#options.files.rename(path, to);
    this.#saved.delete(path);
    this.#options.log.event('file.changed', 0, { op: 'renamed', path, to });
    return {};
  }

  async delete({ path, keep }: RequestArgs<'file.delete'>): Promise<RequestResult<'file.delete'>> {
    await this.#options.participantClock.whenRunning();
    const undo = keep ? await this.#archives.deleteKept(path) : null;
    if (!keep) await this.#options.files.delete(path);
    this.#saved.delete(path);
    this.#options.log.event('file.changed', 0, { op: 'deleted', path });
    return { undo };
  }

  async undelete({ undo }: RequestArgs<'file.undelete'>): Promise<RequestResult<'file.undelete'>> {
    await this.#options.participantClock.whenRunning();
    // The watch tells, and so records, what came back.
    await this.#archives.undelete(undo);
    return {};
  }

  async range({ path, offset, length }: RequestArgs<'file.range'>): Promise<RequestResult<'file.range'>> {
    const { bytes, ...about } = await this.#options.files.readRange(path, offset, length);
    return { data: bytes.toString('base64'), ...about };
  }

  /** Begins a download. A folder is archived first; a file is read where it is, part by part. */
  async download({ tab, path }: RequestArgs<'file.download'>): Promise<RequestResult<'file.download'>> {
    const { files, log } = this.#options;
    const size = await files.readRange(path, 0, 1).then(
      (range) => range.size,
      (error) => {
        if (error instanceof AppError && error.code === 'invalid_input') return null;
        throw error;
      },
    );
    if (size !== null) {
      log.event('file.transferred', 0, { tab, direction: 'download', path, size });
      return { archive: null, size, skipped: 0 };
    }
    const { hash, ...packed } = await this.#archives.pack(path);
    log.event('file.transferred', 0, { tab, direction: 'download', path, size: packed.size, hash });
    return packed;
  }

  archiveRange({ archive, offset }: RequestArgs<'archive.range'>): Promise<RequestResult<'archive.range'>> {
    return this.#archives.part(archive, offset);
  }

  async upload(args: RequestArgs<'file.upload'>): Promise<RequestResult<'file.upload'>> {
    const { files, log, snapshots, participantClock } = this.#options;
    await participantClock.whenRunning();
    const { tab, data, ...part } = args;
    const answer = await files.upload({ ...part, bytes: Buffer.from(data, 'base64') });
    if (answer.hash !== null) {
      log.event('file.transferred', 0, { tab, direction: 'upload', path: part.path, size: part.total, hash: answer.hash });
      log.event('file.changed', 0, { op: 'created', path: part.path, size: part.total, hash: answer.hash });
      snapshots.saved();
    }
    return answer;
  }

  async dropUpload({ path, upload }: RequestArgs<'file.dropUpload'>): Promise<RequestResult<'file.dropUpload'>> {
    await this.#options.files.dropUpload(path, upload);
    return {};
  }

  /** A new search ends the one before: its answer is no longer wanted. */
  search(query: RequestArgs<'file.search'>): Promise<RequestResult<'file.search'>> {
    this.#search?.abort();
    this.#search = new AbortController();
    return this.#options.files.search(query, this.#search.signal);
  }

  /** However many ask at once, the tree is walked once. */
  paths(): Promise<RequestResult<'file.paths'>> {
    this.#paths ??= this.#options.files.paths().finally(() => {
      this.#paths = null;
    });
    return this.#paths;
  }

  async history({ path }: RequestArgs<'file.history'>): Promise<RequestResult<'file.history'>> {
    return { snapshots: await this.#options.files.history(path) };
  }

  /** A snapshot is taken first, unless there is a fresh one: what is asked for is what changed up to now. */
  async changed(): Promise<RequestResult<'file.changed'>> {
    await this.#options.snapshots.takeFresh();
    return this.#options.files.changed();
  }

  textAt({ path, commit }: RequestArgs<'file.textAt'>): Promise<RequestResult<'file.textAt'>> {
    return this.#options.files.textAt(commit, path, { maxBytes: EDITOR_FILE_MAX_BYTES });
  }

  async close(): Promise<void> {
    this.#search?.abort();
    await this.#archives.close();
  }

  #watch(path: string): void {
    const isNew = !this.#watched.delete(path);
    this.#watched.add(path);
    const [oldest] = this.#watched;
    if (this.#watched.size > WATCHED_MAX && oldest !== undefined) this.#watched.delete(oldest);
    if (!isNew) return;
    this.#options.files
      .watch([...this.#watched])
      .catch((error) => this.#options.logger.debug({ err: error, path }, 'a path cannot be watched'));
  }
}
