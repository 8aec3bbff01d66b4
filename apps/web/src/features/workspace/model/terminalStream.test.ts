import headless from '@xterm/headless';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OutputCursor, swallowQueries } from './terminalStream.ts';

const QUERIES = [
  '\x1b[c',
  '\x1b[0c',
  '\x1b[>c',
  '\x1b[=c',
  '\x1b[>q',
  '\x1b[5n',
  '\x1b[6n',
  '\x1b[?6n',
  '\x1b[?2026$p',
  '\x1b[4$p',
  '\x1b[x',
  '\x1b[?u',
  '\x1b[14t',
  '\x1b[18t',
  '\x1bP$qm\x1b\\',
  '\x1bP+q544e\x1b\\',
  '\x1b]4;1;?\x07',
  '\x1b]10;?\x07',
  '\x1b]11;?\x1b\\',
  '\x1b]12;?\x07',
  '\x1b]52;c;?\x07',
];

describe('a terminal that only people answer', () => {
  it('keeps its answers to every query to itself, and still draws', async () => {
    const terminal = new headless.Terminal({ allowProposedApi: true, cols: 40, rows: 5 });
    const sent: string[] = [];
    terminal.onData((data) => sent.push(data));
    swallowQueries(terminal);
    await new Promise<void>((resolve) => terminal.write(`${QUERIES.join('')}hello\x1b]10;#ff0000\x07!`, resolve));
    expect(sent).toEqual([]);
    expect(terminal.buffer.active.getLine(0)?.translateToString(true)).toBe('hello!');
  });

  it('would answer without the hooks', async () => {
    const terminal = new headless.Terminal({ allowProposedApi: true });
    const sent: string[] = [];
    terminal.onData((data) => sent.push(data));
    await new Promise<void>((resolve) => terminal.write('\x1b[c\x1b[6n', resolve));
    expect(sent).toHaveLength(2);
  });
});

describe('the output that is still to be drawn', () => {
  it('leaves out what the restored screen holds', () => {
    const cursor = new OutputCursor();
    cursor.restoreAt(10);
    expect(cursor.take(0, new Uint8Array(10))).toBeNull();
    expect(cursor.take(8, new Uint8Array([1, 2, 3, 4]))).toEqual(new Uint8Array([3, 4]));
    expect(cursor.take(20, new Uint8Array(1))).toBe('gap');
  });

  it('is the same bytes for any chunks, however often some come again', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.tuple(fc.nat(200), fc.nat(60))), (all, chunks) => {
        const cursor = new OutputCursor();
        const drawn: number[] = [];
        for (const [start, length] of [...chunks, [0, all.length] as const]) {
          if (start > all.length) continue;
          const fresh = cursor.take(start, all.subarray(start, start + length));
          if (fresh instanceof Uint8Array) drawn.push(...fresh);
        }
        expect(drawn).toEqual([...all]);
      }),
    );
  });
});
