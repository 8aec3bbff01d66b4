import { type BlobRow, findBlob, listBlobParts } from '@plumbline/database/blobs';
import type { RecordingDatabase } from '@plumbline/database/recordingTail';
import type { ObjectStore } from '@plumbline/storage';
import { blobParts, openBlob, openBlobPart } from './blob.ts';
import { FormatError } from './formatError.ts';

/** Where the blobs of one attempt lie, and the key that opens them. */
export interface BlobPlaces {
  readonly db: RecordingDatabase;
  readonly store: ObjectStore;
  readonly attemptId: string;
  readonly dataKey: Uint8Array;
}

/** A blob that is stored whole. */
export interface StoredBlob {
  /** Plain bytes. */
  readonly bytes: number;
  /** Its plain bytes, a part at a time. Throws `FormatError` for what was changed, `not_found` for what is not in the store. */
  content(): AsyncGenerator<Buffer>;
}

/** A stored blob of an attempt by its hash; null where there is none, or only a part of it so far. */
export async function findStoredBlob(places: BlobPlaces, hash: string): Promise<StoredBlob | null> {
  const row = await findBlob(places.db, places.attemptId, hash);
  return row === null ? null : { bytes: row.bytes, content: () => contentOf(places, row) };
}

async function* contentOf({ db, store, attemptId, dataKey }: BlobPlaces, { hash, objectHash, bytes }: BlobRow): AsyncGenerator<Buffer> {
  if (objectHash !== null) yield openBlob(dataKey, await store.get(objectHash), hash);
  else yield* partsOf({ db, store, attemptId, dataKey }, hash, bytes);
}

/** The plain bytes of the parts that a blob of so many bytes has, whether or not it is known to be whole. Throws as `content`. */
export async function* partsOf({ db, store, attemptId, dataKey }: BlobPlaces, hash: string, bytes: number): AsyncGenerator<Buffer> {
  const parts = blobParts(bytes);
  const rows = await listBlobParts(db, attemptId, hash);
  if (rows.length !== parts) throw new FormatError('A part of what was stored is missing.');
  for (const { part, objectHash } of rows) yield openBlobPart(dataKey, await store.get(objectHash), { hash, part, parts });
}
