import { createHash, type Hash } from 'node:crypto';
import { AppError } from '@plumbline/core';
import { countBlobParts, deleteBlobParts, insertBlob, insertBlobPart } from '@plumbline/database';
import { BLOB_MAX_BYTES, BLOB_PART_BYTES } from '@plumbline/protocol';
import { blobParts, FormatError, partsOf, sealBlob, sealBlobPart } from '@plumbline/recording';
import type { Gateway } from './gateway.ts';

/** Taking in blobs of any size: a part is in memory, sealed and stored at a time, and what is stored need not come again. */

/** Parts that are taken in at once, over all attempts. A runner that is refused tries again in a moment. */
const PARTS_AT_ONCE = 16;
/** Uploads whose hash is kept as it grows. One that is forgotten is read back from the store when it is whole. */
const HASHES_KEPT = 256;

/** What a request brings: from which byte on, of how many that the blob has. */
export interface BlobUpload {
  readonly attemptId: string;
  /** SHA-256 of the whole. */
  readonly hash: string;
  readonly from: number;
  readonly bytes: number;
}

/** The hash of an upload's first bytes. */
interface GrowingHash {
  readonly digest: Hash;
  readonly bytes: number;
}

/** The uploads of all attempts. */
export class BlobUploads {
  readonly #gateway: Gateway;
  readonly #growing = new Map<string, GrowingHash>();
  readonly #checks = new Map<string, Promise<void>>();
  #partsComing = 0;

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
  }

  /** Up to which byte a blob that is not whole is stored, counted in whole parts. */
  async storedBytes(attemptId: string, hash: string): Promise<number> {
    return (await countBlobParts(this.#gateway.db, attemptId, hash)) * BLOB_PART_BYTES;
  }

  /**
   * Takes in what a request brings, and resolves with whether the blob is whole now: then its hash is right, and it is known.
   *
   * @throws AppError `too_large` above `BLOB_MAX_BYTES`; `conflict` where it begins behind what is stored; `invalid_input` where it is
   * not what its name says, or not as long as it says; `unavailable` where too much comes at once.
   */
  async take(upload: BlobUpload, body: AsyncIterable<Buffer>): Promise<boolean> {
    const { from, bytes } = upload;
    if (bytes > BLOB_MAX_BYTES) throw new AppError('too_large', `One upload is at most ${BLOB_MAX_BYTES / 1024 ** 3} GiB.`);
    if (from % BLOB_PART_BYTES !== 0 || from > bytes) throw new AppError('invalid_input', 'A part begins where one can begin.');
    if (this.#partsComing >= PARTS_AT_ONCE) throw new AppError('unavailable', 'Too many uploads come at once.');
    this.#partsComing += 1;
    try {
      return bytes <= BLOB_PART_BYTES ? await this.#takeSmall(upload, body) : await this.#takeParts(upload, body);
    } finally {
      this.#partsComing -= 1;
    }
  }

  async #takeSmall({ attemptId, hash, bytes }: BlobUpload, body: AsyncIterable<Buffer>): Promise<boolean> {
    const { db, keys } = this.#gateway;
    let plain: Buffer = Buffer.alloc(0);
    for await (const part of inParts(body)) plain = plain.length === 0 ? part : otherLength();
    if (plain.length !== bytes) otherLength();
    if (createHash('sha256').update(plain).digest('hex') !== hash) throw notItsName();
    const objectHash = await this.#store(sealBlob(await keys.dataKey(db, attemptId), plain, hash));
    await insertBlob(db, { attemptId, hash, objectHash, bytes });
    return true;
  }

  async #takeParts(upload: BlobUpload, body: AsyncIterable<Buffer>): Promise<boolean> {
    const { attemptId, hash, from, bytes } = upload;
    const { db, keys } = this.#gateway;
    const parts = blobParts(bytes);
    const stored = await countBlobParts(db, attemptId, hash);
    let part = from / BLOB_PART_BYTES;
    if (part > stored) throw new AppError('conflict', 'What comes before this part is not stored.');
    const dataKey = await keys.dataKey(db, attemptId);
    for await (const plain of inParts(body)) {
      part += 1;
      if (part > parts || plain.length !== Math.min(BLOB_PART_BYTES, bytes - (part - 1) * BLOB_PART_BYTES)) otherLength();
      this.#grow(upload, part, plain);
      if (part <= stored) continue;
      const objectHash = await this.#store(sealBlobPart(dataKey, plain, { hash, part, parts }));
      await insertBlobPart(db, attemptId, hash, { part, objectHash, bytes: plain.length });
    }
    if (part < parts) return false;
    await this.#checkOnce(upload, dataKey);
    return true;
  }

  async #store(sealed: Buffer): Promise<string> {
    const objectHash = createHash('sha256').update(sealed).digest('hex');
    await this.#gateway.store.put(objectHash, sealed);
    return objectHash;
  }

  /** Two requests may bring the same part: each goes on from a copy, and both come to the same. */
  #grow(upload: BlobUpload, part: number, plain: Buffer): void {
    const key = keyOf(upload);
    const before = (part - 1) * BLOB_PART_BYTES;
    const known = part === 1 ? { digest: createHash('sha256'), bytes: 0 } : this.#growing.get(key);
    if (known?.bytes !== before) return;
    this.#growing.delete(key);
    this.#growing.set(key, { digest: known.digest.copy().update(plain), bytes: before + plain.length });
    for (const oldest of this.#growing.keys()) {
      if (this.#growing.size <= HASHES_KEPT) break;
      this.#growing.delete(oldest);
    }
  }

  /** A check may take longer than a runner waits: one that asks again waits for the same. */
  #checkOnce(upload: BlobUpload, dataKey: Buffer): Promise<void> {
    const key = keyOf(upload);
    const check = this.#checks.get(key) ?? this.#check(upload, dataKey).finally(() => this.#checks.delete(key));
    this.#checks.set(key, check);
    return check;
  }

  async #check(upload: BlobUpload, dataKey: Buffer): Promise<void> {
    const { attemptId, hash, bytes } = upload;
    const { db, store } = this.#gateway;
    if ((await this.#hashOf(upload, dataKey)) !== hash) {
      for (const objectHash of await deleteBlobParts(db, attemptId, hash)) await store.delete(objectHash);
      throw notItsName();
    }
    await insertBlob(db, { attemptId, hash, objectHash: null, bytes });
  }

  /** The hash of all that is stored, null where it cannot be read as what the parts were said to be. */
  async #hashOf(upload: BlobUpload, dataKey: Buffer): Promise<string | null> {
    const { attemptId, hash, bytes } = upload;
    const { db, store } = this.#gateway;
    const known = this.#growing.get(keyOf(upload));
    this.#growing.delete(keyOf(upload));
    if (known?.bytes === bytes) return known.digest.digest('hex');
    const digest = createHash('sha256');
    try {
      for await (const part of partsOf({ db, store, attemptId, dataKey }, hash, bytes)) digest.update(part);
    } catch (error) {
      if (error instanceof FormatError) return null;
      throw error;
    }
    return digest.digest('hex');
  }
}

const keyOf = ({ attemptId, hash }: BlobUpload) => `${attemptId} ${hash}`;

/** What comes, in parts of `BLOB_PART_BYTES`; the last may be smaller. */
async function* inParts(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let chunks: Buffer[] = [];
  let length = 0;
  for await (let chunk of body) {
    while (length + chunk.length >= BLOB_PART_BYTES) {
      const taken = BLOB_PART_BYTES - length;
      yield Buffer.concat([...chunks, chunk.subarray(0, taken)]);
      chunks = [];
      length = 0;
      chunk = chunk.subarray(taken);
    }
    if (chunk.length > 0) chunks.push(chunk);
    length += chunk.length;
  }
  if (length > 0) yield Buffer.concat(chunks);
}

function otherLength(): never {
  throw new AppError('invalid_input', 'The upload is not as long as it says.');
}

function notItsName(): AppError {
  return new AppError('invalid_input', 'The bytes are not what their name says.');
}
