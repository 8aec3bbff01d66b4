import { BLOB_PART_BYTES } from '@plumbline/protocol';
import { openBytes, sealBytes, sealingKeys } from './encryption.ts';

/** Submissions and snapshots: sealed under the attempt's data key and bound to `hash`, the SHA-256 of what is in them. */
export function sealBlob(dataKey: Uint8Array, plain: Uint8Array, hash: string): Buffer {
  return sealBytes(sealingKeys(dataKey), `blob ${hash}`, plain);
}

/** The reverse of `sealBlob`. Throws `FormatError` for one that was changed or belongs elsewhere. */
export function openBlob(dataKey: Uint8Array, sealed: Uint8Array, hash: string): Buffer {
  return openBytes(sealingKeys(dataKey), `blob ${hash}`, sealed);
}

/** Which part of which blob: `part` counts from 1. All parts of a blob but the last have `BLOB_PART_BYTES`. */
export interface BlobPlace {
  readonly hash: string;
  readonly part: number;
  readonly parts: number;
}

/** How many parts a blob of so many bytes is kept in. */
export function blobParts(bytes: number): number {
  return Math.ceil(bytes / BLOB_PART_BYTES);
}

/** One part of a blob that is larger than a part may be: bound to its place, so that none can be left out or stand for another. */
export function sealBlobPart(dataKey: Uint8Array, plain: Uint8Array, place: BlobPlace): Buffer {
  return sealBytes(sealingKeys(dataKey), partLabel(place), plain);
}

/** The reverse of `sealBlobPart`. Throws `FormatError` for one that was changed or belongs elsewhere. */
export function openBlobPart(dataKey: Uint8Array, sealed: Uint8Array, place: BlobPlace): Buffer {
  return openBytes(sealingKeys(dataKey), partLabel(place), sealed);
}

function partLabel({ hash, part, parts }: BlobPlace): string {
  return `blob ${hash} ${part}/${parts}`;
}
