import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compress, compressFrame, contentBytes, decompress, decompressFrame } from './zstd.ts';

describe('compression', () => {
  it('gives back what it was given, however long, and a unit states how long', async () => {
    // Around the lengths at which a frame states its own in more bytes.
    const lengths = fc.oneof(
      fc.integer({ min: 0, max: 600 }),
      fc.integer({ min: 65_500, max: 66_100 }),
      fc.integer({ min: 0, max: 3_000_000 }),
    );
    await fc.assert(
      fc.asyncProperty(lengths, fc.integer({ min: 1, max: 255 }), async (length, step) => {
        const content = Buffer.from(Uint8Array.from({ length }, (_, at) => (at * step) >> 3));
        const unit = await compress(content, 'kept');
        expect(contentBytes(unit.subarray(1))).toBe(length);
        expect((await decompress(unit)).equals(content)).toBe(true);
        expect((await decompressFrame(await compressFrame(content))).equals(content)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('allocates for a unit what it has, and little more', async () => {
    const content = Buffer.alloc(1_300_000, 'the same again and again\n');
    const { buffer } = await decompress(await compress(content, 'kept'));
    expect(buffer.byteLength).toBeLessThan(content.length + 1024);
  });

  it('refuses what is cut off, changed or no frame at all', async () => {
    const unit = await compress(Buffer.from('a unit'.repeat(1000)), 'kept');
    for (const broken of [unit.subarray(0, 5), unit.subarray(0, -3), Buffer.alloc(0), Buffer.from('not compressed')])
      await expect(decompress(broken)).rejects.toThrow('A compressed object does not decompress.');
  });
});
