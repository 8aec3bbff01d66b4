import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ShellMark, ShellMarks } from './shellMarks.ts';

const NONCE = 'a1b2';
const OUTPUT = [
  'before \x1b[1mbold\x1b[0m \x1b]0;title\x07',
  `\x1b]633;P;Cwd=/home/\\x3bagent;${NONCE}\x07`,
  `\x1b]633;E;echo "a\\x3b b" \\\\ü;${NONCE}\x07\x1b]633;C;${NONCE}\x07`,
  'a; b\r\n\x1b]633;D;7;forged\x07\x1b]633;D;7\x07\x1b]633;E;half\x1b\x1b]633;',
  `D;130;${NONCE}\x07after`,
].join('');
const MARKS: ShellMark[] = [
  { kind: 'directory', path: '/home/;agent' },
  { kind: 'text', text: 'echo "a; b" \\ü' },
  { kind: 'start' },
  { kind: 'end', exitCode: 130 },
];

function marksOf(pieces: Uint8Array[]): ShellMark[] {
  const marks: ShellMark[] = [];
  const reader = new ShellMarks(NONCE, (mark) => marks.push(mark));
  for (const piece of pieces) reader.push(piece);
  return marks;
}

describe('shell marks', () => {
  it('are found whole in any chunking, and only with the nonce', () => {
    const bytes = Buffer.from(OUTPUT);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 30 }), (cuts) => {
        const borders = [...new Set([0, ...cuts, bytes.length])].sort((a, b) => a - b);
        expect(marksOf(borders.slice(1).map((end, i) => bytes.subarray(borders[i], end)))).toEqual(MARKS);
      }),
    );
  });

  it('that never end are forgotten, so that no output is held without bound', () => {
    const flood = Buffer.concat([Buffer.from('\x1b]633;E;'), Buffer.alloc(1 << 20, 'x'), Buffer.from(`;${NONCE}\x07`)]);
    expect(marksOf([flood, Buffer.from(`\x1b]633;C;${NONCE}\x07`)])).toEqual([{ kind: 'start' }]);
  });
});
