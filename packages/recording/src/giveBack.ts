/**
 * Gives memory back at once that nobody reads any more. What Node allocates for bytes is outside of V8's heap, and enough of it that waits
 * to be collected has V8 go through all that a process holds, for a tenth of a second each time.
 */
export function giveBack({ buffer }: Uint8Array): void {
  // Small pieces are parts of one that others have parts of as well.
  if (buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize) structuredClone(null, { transfer: [buffer] });
}
