import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesToText, incompleteTailLength, textToBytes } from './bytesText.ts';

describe('bytes as JSON', () => {
  it('gives any bytes back exactly, through JSON', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = JSON.parse(JSON.stringify(bytesToText(bytes)));
        expect(textToBytes(text).equals(Buffer.from(bytes))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('is a plain string for valid text, a byte order mark and NUL included', () => {
    for (const text of ['', 'ls -l\r\n', '﻿x', '\0\x1b[2J', 'naïve 漢字 🙂']) expect(bytesToText(Buffer.from(text))).toBe(text);
  });

  it('hides only what is truly invalid', () => {
    expect(bytesToText(Buffer.concat([Buffer.from('before '), Buffer.of(0xff, 0xfe), Buffer.from(' after ü')]))).toEqual([
      'before ',
      '//4=',
      ' after ü',
    ]);
    // An encoded surrogate and an overlong slash are not UTF-8, though each byte could be.
    expect(bytesToText(Buffer.of(0xed, 0xa0, 0x80))).toEqual(['', '7aCA']);
    expect(bytesToText(Buffer.of(0xc0, 0xaf))).toEqual(['', 'wK8=']);
  });

  it('writes what is no text at all as one piece', () => {
    const noise = Buffer.from(Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? 0xff : 0x41)));
    expect(bytesToText(noise)).toEqual(['', noise.toString('base64')]);
  });

  it('knows how many bytes at the end begin a character', () => {
    const smile = Buffer.from('🙂');
    expect([1, 2, 3, 4].map((length) => incompleteTailLength(smile.subarray(0, length)))).toEqual([1, 2, 3, 0]);
    expect(incompleteTailLength(Buffer.of(0x41, 0xc0))).toBe(0);
    expect(incompleteTailLength(Buffer.of(0xed, 0xa0))).toBe(0);
    expect(incompleteTailLength(Buffer.of(0x80, 0x80))).toBe(0);
    expect(incompleteTailLength(Buffer.of())).toBe(0);
  });
});
