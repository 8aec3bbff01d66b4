import { EDITOR_FILE_MAX_BYTES, type RequestArgs, type RequestResult } from '@plumbline/protocol';
import type { WorkspaceFiles } from '@plumbline/sandbox';
import type { Logger } from 'pino';
import type { EventLog } from './eventLog.ts';
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

  constructor(options: WorkspaceActsOptions) {
    this.#options = options;
    options.files.onChange((change) => {
      if (change.hash !== undefined && this.#saved.get(change.path) === change.hash) return;
      const { op, path, size, hash } = change;
      options.log.event('file.changed', 0, { op, path, ...(size === undefined ? {} : { size }), ...(hash === undefined ? {} : { hash }) });
    });
    options.files.onOmitted((count) => options.log.event('file.omitted', 0, { count }));
  }

  async list({ path }: RequestArgs<'file.list'>): Promise<RequestResult<'file.list'>> {
    const listed = await this.#options.files.list(path);
    this.#watch(path);
    return listed;
  }

  async read({ path }: RequestArgs<'file.read'>): Promise<RequestResult<'file.read'>> {
    const { text, hash, size, partial } = await this.#options.files.read(path, { maxBytes: EDITOR_FILE_MAX_BYTES });
    this.#watch(path);
    return { text, hash, size, partial };
  }

  async write({ tab, path, text, baseHash }: RequestArgs<'file.write'>): Promise<RequestResult<'file.write'>> {
    const { files, log, snapshots, participantClock } = this.#options;
    participantClock.assertRunning();
    const { hash, size } = await files.write(path, text, baseHash);
    this.#saved.set(path, hash);
    this.#watch(path);
    log.event('editor.saved', 0, { tab, path, hash, size });
    snapshots.saved();
    return { hash, size };
  }

  async create({ path, kind }: RequestArgs<'file.create'>): Promise<RequestResult<'file.create'>> {
    this.#options.participantClock.assertRunning();
    await this.#options.files.create(path, kind);
    this.#options.log.event('file.changed', 0, { op: 'created', path });
    return {};
  }

  async rename({ path, to }: RequestArgs<'file.rename'>): Promise<RequestResult<'file.rename'>> {
    this.#options.participantClock.assertRunning();
    await this.#options.files.rename(path, to);
    this.#saved.delete(path);
    this.#options.log.event('file.changed', 0, { op: 'renamed', path, to });
    return {};
  }

  async delete({ path }: RequestArgs<'file.delete'>): Promise<RequestResult<'file.delete'>> {
    this.#options.participantClock.assertRunning();
    await this.#options.files.delete(path);
    this.#saved.delete(path);
    this.#options.log.event('file.changed', 0, { op: 'deleted', path });
    return {};
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
