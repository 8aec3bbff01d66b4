import { openBytes, sealBytes, sealingKeys } from './encryption.ts';

/** Submissions and snapshots: sealed under the attempt's data key and bound to `hash`, the SHA-256 of what is in them. */
export function sealBlob(dataKey: Uint8Array, plain: Uint8Array, hash: string): Buffer {
  return sealBytes(sealingKeys(dataKey), `blob ${hash}`, plain);
}

/** The reverse of `sealBlob`. Throws `FormatError` for one that was changed or belongs elsewhere. */
export function openBlob(dataKey: Uint8Array, sealed: Uint8Array, hash: string): Buffer {
  return openBytes(sealingKeys(dataKey), `blob ${hash}`, sealed);
}
