import { createHash, createHmac, createSecretKey, type KeyObject } from 'node:crypto';

/**
 * The proof that a line is the line that was recorded. Leaves are salted, so that a withheld line's leaf says nothing
 * about it: without salts, a guess of a short line could be tested against its leaf.
 */

export const HASH_BYTES = 32;
const SALT_BYTES = 16;
/** The root before the first segment. */
export const NO_ROOT = '0'.repeat(HASH_BYTES * 2);

/** The key that a segment's salts come from. */
export function segmentSaltKey(saltKey: KeyObject, attemptId: string, segment: number): KeyObject {
  return createSecretKey(createHmac('sha256', saltKey).update(`${attemptId} ${segment}`).digest());
}

/** The salt of line `index` (from 0) of a segment: the first 16 bytes of an HMAC of the index. */
export function lineSalt(segmentKey: KeyObject, index: number): Buffer {
  const counter = Buffer.alloc(4);
  counter.writeUInt32BE(index);
  return createHmac('sha256', segmentKey).update(counter).digest().subarray(0, SALT_BYTES);
}

/** SHA-256(salt ‖ line). */
export function leafHash(salt: Uint8Array, line: Uint8Array | string): Buffer {
  return createHash('sha256').update(salt).update(line).digest();
}

/**
 * The top of the tree over `leaves`: pairs are hashed as SHA-256(0x01 ‖ left ‖ right) level by level, and an odd last
 * one moves up as it is. The number of leaves stands in the header that the root covers. Throws `RangeError` for none.
 */
export function treeTop(leaves: readonly Uint8Array[]): Buffer {
  if (leaves.length === 0) throw new RangeError('A tree needs a leaf.');
  let level: readonly Uint8Array[] = leaves;
  while (level.length > 1) {
    const above: Uint8Array[] = [];
    for (let i = 0; i + 1 < level.length; i += 2) above.push(nodeHash(level[i] as Uint8Array, level[i + 1] as Uint8Array));
    if (level.length % 2 === 1) above.push(level[level.length - 1] as Uint8Array);
    level = above;
  }
  return Buffer.from(level[0] as Uint8Array);
}

const NODE_PREFIX = Buffer.of(1);

function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash('sha256').update(NODE_PREFIX).update(left).update(right).digest();
}

/** A segment's root in hexadecimal: over its header, which names the previous root, and over the top of its tree. */
export function segmentRoot(headerText: string, top: Uint8Array): string {
  const header = createHash('sha256').update(headerText, 'utf8').digest();
  return createHash('sha256').update('plumbline segment root 1\n').update(header).update(top).digest('hex');
}
