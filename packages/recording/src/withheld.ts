import { HASH_BYTES } from './merkle.ts';

/**
 * A line of a stored segment that was taken out after it was sealed: its leaf, as a JSON string in base64, stands in its
 * place, so that the segment's root and everything after it still hold.
 */

const QUOTE = 34;

/** The line that stands for a withheld one. */
export function withheldLine(leaf: Buffer): Buffer {
  return Buffer.from(`"${leaf.toString('base64')}"`);
}

/** Whether a line is one that was withheld: every other begins with a bracket. */
export function isWithheld(line: Uint8Array): boolean {
  return line[0] === QUOTE;
}

/** The leaf that a withheld line holds; one that was changed gives another root, whatever it decodes to. */
export function leafOfWithheld(line: Buffer): Buffer {
  const leaf = Buffer.from(line.toString('latin1', 1, line.length - 1), 'base64');
  return leaf.length === HASH_BYTES ? leaf : Buffer.alloc(HASH_BYTES);
}
