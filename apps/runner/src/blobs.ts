import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AppError, type Clock } from '@plumbline/core';
import type { EventData } from '@plumbline/protocol';
import { syncFolderSync } from '@plumbline/storage';
import type { Logger } from 'pino';
import { uploadNext } from './blobUpload.ts';

/**
 * Large content that the recording names by its hash: submissions and snapshot bundles. It is kept in the state folder
 * before an event names it, and uploaded until the gateway has it, whatever ends in between. What the gateway refuses stays there,
 * and is offered again by the next runner; what is damaged is moved aside. Either is said, once.
 */

const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 15_000;
const BLOB_NAME = /^[0-9a-f]{64}$/;
/** Where a file lies that is not what its name says: who looks after the host may know more of it. */
const DAMAGED_FOLDER = 'damaged';
/** Beside a blob of which the recording says that it is not stored. */
const SAID_SUFFIX = '.said';

export interface BlobsOptions {
  readonly dir: string;
  /** http(s)://…/realtime/blobs, without a slash at the end. */
  readonly url: string;
  readonly token: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A blob that the recording may name is not stored, and will not be by this runner. */
  readonly onLost: (lost: EventData<'blob.lost'>) => void;
}

export class Blobs {
  readonly #options: BlobsOptions;
  /** Hashes that the gateway does not have yet, with what waits for them. */
  readonly #pending = new Map<string, { promise: Promise<void>; resolve: () => void }>();
  readonly #refused = new Set<string>();
  /** Hashes of files that were read, and are what they are named. */
  readonly #sound = new Set<string>();
  /** Hashes of which this runner has said that they are not stored. */
  readonly #said = new Set<string>();
  #uploading = false;
  #closed = false;

  constructor(options: BlobsOptions) {
    this.#options = options;
  }

  /** Finds what an earlier life left to upload. */
  async open(): Promise<void> {
    await mkdir(this.#options.dir, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.#options.dir)) {
      const hash = name.split('.')[0] ?? '';
      if (name.endsWith('.pending') && BLOB_NAME.test(hash)) this.#expect(hash);
      else if (!BLOB_NAME.test(name) && !name.endsWith(SAID_SUFFIX) && name !== DAMAGED_FOLDER)
        await rm(join(this.#options.dir, name), { force: true });
    }
    this.#work();
  }

  /** The host path of a blob that is kept here, or null. */
  async find(hash: string): Promise<string | null> {
    if (!BLOB_NAME.test(hash)) return null;
    const path = join(this.#options.dir, hash);
    return (await stat(path).catch(() => null)) === null ? null : path;
  }

  /** Moves a file in under its hash and has it uploaded. It stays here afterwards only where `keep` says so. */
  async add(path: string, hash: string, keep: boolean): Promise<void> {
    const target = join(this.#options.dir, hash);
    if ((await this.find(hash)) !== null) {
      await rm(path, { force: true });
      return;
    }
    await writeFile(`${target}.${keep ? 'keep' : 'drop'}.pending`, '', { mode: 0o600 });
    // An event will name it that outlives a loss of power, and nothing else has its content.
    await synced(path);
    await rename(path, target);
    syncFolderSync(this.#options.dir);
    this.#expect(hash);
    this.#work();
  }

  /** Resolves when the gateway has the blob, or `withinMs` have passed; the upload goes on either way. */
  async uploaded(hash: string, withinMs: number): Promise<void> {
    const pending = this.#pending.get(hash);
    if (pending === undefined) return;
    await Promise.race([pending.promise, new Promise<void>((resolve) => this.#options.clock.setTimer(withinMs, resolve))]);
  }

  /** Resolves when nothing waits any more, or `withinMs` have passed: with whether all was stored. What was refused never is. */
  async drained(withinMs: number): Promise<boolean> {
    if (this.#refused.size > 0) return false;
    const all = Promise.all([...this.#pending.values()].map(({ promise }) => promise)).then(() => this.#refused.size === 0);
    return Promise.race([all, new Promise<boolean>((resolve) => this.#options.clock.setTimer(withinMs, () => resolve(false)))]);
  }

  /** Gets a blob of this attempt from the gateway and keeps it. Rejects with `not_found` where there is none. */
  async fetch(hash: string): Promise<string> {
    const response = await fetch(`${this.#options.url}/${hash}`, { headers: { authorization: `Bearer ${this.#options.token}` } });
    if (!response.ok || response.body === null) {
      throw new AppError('not_found', 'What this attempt stored earlier is not there any more.');
    }
    const partial = join(this.#options.dir, `${hash}.partial`);
    const digest = createHash('sha256');
    await pipeline(
      response.body,
      async function* (source: AsyncIterable<Uint8Array>) {
        for await (const chunk of source) {
          digest.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(partial, { mode: 0o600 }),
    );
    if (digest.digest('hex') !== hash) {
      await rm(partial, { force: true });
      throw new AppError('internal', 'What this attempt stored earlier came back damaged.');
    }
    const path = join(this.#options.dir, hash);
    await rename(partial, path);
    return path;
  }

  close(): void {
    this.#closed = true;
  }

  #expect(hash: string): void {
    let resolve = () => {};
    const promise = new Promise<void>((done) => {
      resolve = done;
    });
    this.#pending.set(hash, { promise, resolve });
  }

  #work(): void {
    if (this.#uploading || this.#closed) return;
    this.#uploading = true;
    void this.#uploadAll().finally(() => {
      this.#uploading = false;
      // One that was added in between found this at work.
      if (this.#pending.size > 0) this.#work();
    });
  }

  async #uploadAll(): Promise<void> {
    let failures = 0;
    for (;;) {
      const [hash] = this.#pending.keys();
      if (hash === undefined || this.#closed) return;
      const outcome = await this.#serve(hash);
      if (outcome !== 'retry') failures = 0;
      if (outcome === 'settled') {
        this.#pending.get(hash)?.resolve();
        this.#pending.delete(hash);
        continue;
      }
      // One that is large, or never succeeds, holds up no other.
      const entry = this.#pending.get(hash);
      this.#pending.delete(hash);
      if (entry !== undefined) this.#pending.set(hash, entry);
      if (outcome === 'more') continue;
      const waitMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** failures);
      failures = Math.min(failures + 1, 10);
      await new Promise<void>((resolve) => this.#options.clock.setTimer(waitMs, resolve));
    }
  }

  /** Uploads a part of a blob, or does what its upload's end asks for. What the disk refuses is tried again. */
  async #serve(hash: string): Promise<'settled' | 'more' | 'retry'> {
    try {
      const outcome = await this.#upload(hash);
      if (outcome === 'retry' || outcome === 'more') return outcome;
      if (outcome === 'refused') await this.#refuse(hash);
      else if (outcome === 'damaged') await this.#moveAside(hash);
      else await this.#forget(hash);
      return 'settled';
    } catch (error) {
      this.#options.logger.error({ hash, err: error }, 'the folder of blobs could not be changed; trying again');
      return 'retry';
    }
  }

  async #forget(hash: string): Promise<void> {
    const base = join(this.#options.dir, hash);
    const dropped = (await stat(`${base}.drop.pending`).catch(() => null)) !== null;
    if (dropped) await rm(base, { force: true });
    for (const suffix of ['.drop.pending', '.keep.pending', SAID_SUFFIX]) await rm(`${base}${suffix}`, { force: true });
  }

  async #refuse(hash: string): Promise<void> {
    const base = join(this.#options.dir, hash);
    this.#refused.add(hash);
    if ((await stat(`${base}${SAID_SUFFIX}`).catch(() => null)) !== null) return;
    this.#say({ hash, bytes: (await stat(base)).size, reason: 'too_large' });
    await writeFile(`${base}${SAID_SUFFIX}`, '', { mode: 0o600 });
  }

  #say(lost: EventData<'blob.lost'>): void {
    if (this.#said.has(lost.hash)) return;
    this.#options.onLost(lost);
    this.#said.add(lost.hash);
  }

  async #moveAside(hash: string): Promise<void> {
    const base = join(this.#options.dir, hash);
    const { size } = await stat(base);
    this.#options.logger.error({ hash, size }, 'a blob was damaged on the disk of this host; it is moved aside and never stored');
    // Said before it is gone from here: a runner that ends between the two says it twice, not never.
    this.#say({ hash, bytes: size, reason: 'damaged' });
    await mkdir(join(this.#options.dir, DAMAGED_FOLDER), { recursive: true, mode: 0o700 });
    await rename(base, join(this.#options.dir, DAMAGED_FOLDER, hash));
    await this.#forget(hash);
  }

  async #upload(hash: string): Promise<'done' | 'more' | 'gone' | 'damaged' | 'refused' | 'retry'> {
    const path = join(this.#options.dir, hash);
    const size = (await stat(path).catch(() => null))?.size;
    if (size === undefined) return 'gone';
    const { logger, url, token } = this.#options;
    try {
      if (!this.#sound.has(hash)) {
        if ((await hashOf(path)) !== hash) return 'damaged';
        this.#sound.add(hash);
      }
      const status = await uploadNext({ url: `${url}/${hash}`, token }, path, size);
      if (status === 202) return 'more';
      if (status >= 200 && status < 300) return 'done';
      if (status === 413) {
        logger.warn(
          { hash, size },
          'the gateway takes no blob of this size; it stays in the state folder, and the machine is not given back',
        );
        return 'refused';
      }
      // What arrives is not what was read here: perhaps it is not there any more either.
      if (status === 400) this.#sound.delete(hash);
      logger.debug({ hash, status }, 'an upload was not taken; trying again');
    } catch (error) {
      logger.debug({ hash, err: error }, 'an upload failed; trying again');
    }
    return 'retry';
  }
}

async function hashOf(path: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) digest.update(chunk);
  return digest.digest('hex');
}

/** Has a file's content written to the disk. */
async function synced(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
