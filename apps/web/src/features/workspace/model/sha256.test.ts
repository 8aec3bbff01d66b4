import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256Hex, sha256OfText } from './sha256.ts';

describe('SHA-256 of the page', () => {
  it('is the one that everybody computes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(sha256Hex(bytes)).toBe(createHash('sha256').update(bytes).digest('hex'));
      }),
    );
    expect(sha256OfText('päste 😀')).toBe(createHash('sha256').update('päste 😀').digest('hex'));
  });
});
