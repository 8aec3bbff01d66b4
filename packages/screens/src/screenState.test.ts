import type { Terminal } from '@xterm/headless';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBetweenSequences, KEYFRAME_SCROLLBACK_LINES, serialiseScreen, serialiseScreenWithin } from './screenState.ts';
import { anyChunking, anyOutput, anyText, fingerprint, makeTerminal, write } from './screens.fixture.ts';

const COLS = 20;
const ROWS = 6;

const terminal = (cols = COLS, rows = ROWS) => makeTerminal(cols, rows);

async function restored(from: Terminal, scrollback = 0): Promise<Terminal> {
  const to = terminal(from.cols, from.rows);
  await write(to, serialiseScreen(from, scrollback));
  return to;
}

/** Writes bytes in pieces of these sizes, by turns. */
async function writeChunked(to: Terminal, bytes: Uint8Array, sizes: readonly number[]): Promise<void> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const end = at + (sizes[turn % sizes.length] as number);
    await write(to, bytes.subarray(at, end));
    at = end;
  }
}

const SCREENS: Record<string, string> = {
  'a plain shell': '$ ls\r\nfile one\r\n$ ',
  'coloured text and a coloured current style': '\x1b[1;31mred\x1b[0m \x1b[48;5;22mgreen\x1b[0m\x1b[3;38;2;1;2;3m',
  'the alternate screen entered in bold': '\x1b[1;32mprompt\x1b[?1049h\x1b[2;3Hplain\x1b[0m text',
  margins: '\x1b[2;4r\x1b[3;1Hmiddle',
  'origin mode inside margins': '\x1b[2;5r\x1b[?6h\x1b[2;4Hx',
  'a saved cursor with its own style': 'ab\x1b[2;7H\x1b[1;33m\x1b7\x1b[0m\x1b[4;2Hz',
  'line drawing switched on': 'x\x1b(0lqqk',
  'line drawing in G1, shifted in': '\x1b)0a\x0eqq',
  'tab stops of its own': '\x1b[3g\x1b[1;4H\x1bH\x1b[1;11H\x1bH\x1b[1;1H',
  'a pending wrap': 'x'.repeat(COLS),
  'a pending wrap after a wide character': `${'x'.repeat(COLS - 2)}漢`,
  'wide and joined characters': '漢字 e\u0301 👩 ok',
  'modes that editors set': '\x1b[?1h\x1b=\x1b[?2004h\x1b[?1002h\x1b[?1006h\x1b[?25l\x1b[?1004h',
  'text that wrapped': 'wrap '.repeat(9),
  'no wrapping, insert mode': '\x1b[?7l\x1b[4habc',
};

/** Bytes whose effect depends on what a restore must bring back. */
const PROBES = '!\x1b8S\tT\n\n\n\nU\x1b[1;1HV\x1b[0m\x0f\x1b(BW';

describe('a restored screen', () => {
  for (const [name, bytes] of Object.entries(SCREENS)) {
    it(`equals the original, and goes on like it: ${name}`, async () => {
      const original = terminal();
      await write(original, bytes);
      const copy = await restored(original);
      expect(fingerprint(copy)).toEqual(fingerprint(original));
      await write(original, PROBES);
      await write(copy, PROBES);
      expect(fingerprint(copy)).toEqual(fingerprint(original));
    });
  }

  it('has fewer lines above it where they would take more than it may, and is none where it alone would', async () => {
    const original = terminal();
    // Escapes and wide characters take more as JSON than they have characters.
    await write(original, Array.from({ length: 200 }, (_, i) => `\x1b[38;2;1;2;${i}m漢${i}\x1b[0m`).join('\r\n'));
    const sizeOf = (text: string) => Buffer.byteLength(JSON.stringify(text));
    const alone = sizeOf(serialiseScreen(original, 0));
    const whole = serialiseScreen(original, 1_000);
    expect(serialiseScreenWithin(original, 1_000, sizeOf(whole))).toBe(whole);
    for (const maxBytes of [sizeOf(whole) - 1, alone * 4, alone]) {
      const text = serialiseScreenWithin(original, 1_000, maxBytes) ?? '';
      expect(sizeOf(text)).toBeLessThanOrEqual(maxBytes);
      const copy = terminal();
      await write(copy, text);
      expect(fingerprint(copy)).toEqual(fingerprint(original));
      expect(copy.buffer.normal.baseY > 0).toBe(maxBytes > alone);
    }
    expect(serialiseScreenWithin(original, 1_000, alone - 1)).toBeNull();
  });

  it('equals the original after any run of ordinary terminal output', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyText(COLS, ROWS), { maxLength: 40 }), async (pieces) => {
        const original = terminal();
        await write(original, pieces.join(''));
        const copy = await restored(original);
        expect(fingerprint(copy)).toEqual(fingerprint(original));
        original.dispose();
        copy.dispose();
      }),
      { numRuns: 300 },
    );
  });

  it('is the same by every chunking of the output and every seek into it, resizes and split characters included', async () => {
    // SCREEN_RUNS=10000 for the long run, with a seed of its own, which a failure prints.
    const runs = process.env.SCREEN_RUNS;
    const chosen = runs === undefined ? { numRuns: 400, seed: 1 } : { numRuns: Number(runs) };
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyOutput(COLS, ROWS), { minLength: 1, maxLength: 40 }),
        anyChunking,
        anyChunking,
        fc.nat(40),
        async (steps, first, second, seekTo) => {
          const original = terminal();
          let copy: Terminal | null = null;
          for (const [at, { bytes, cols }] of steps.entries()) {
            if (cols > 0) {
              original.resize(cols, ROWS);
              copy?.resize(cols, ROWS);
            }
            await writeChunked(original, bytes, first);
            if (copy !== null) await writeChunked(copy, bytes, second);
            if (copy === null && at >= seekTo && isBetweenSequences(original)) copy = await restored(original);
          }
          copy ??= await restored(original);
          expect(fingerprint(copy)).toEqual(fingerprint(original));
          original.dispose();
          copy.dispose();
        },
      ),
      chosen,
    );
  }, 600_000);

  it('joins its lines like the original where a smaller screen has cut skipped cells, and a larger one joins them again', async () => {
    for (const bytes of ['\x1b[2;9H\thello ', '\x1b[44m\x1b[2J\x1b[2;17Hhello', `${'x'.repeat(COLS - 1)}漢`]) {
      const original = terminal();
      await write(original, bytes);
      original.resize(5, ROWS);
      const copy = await restored(original);
      for (const cols of [5, 6, COLS]) {
        original.resize(cols, ROWS);
        copy.resize(cols, ROWS);
        expect(fingerprint(copy), `${JSON.stringify(bytes)} at ${cols}`).toEqual(fingerprint(original));
      }
    }
  });

  it('keeps both halves of a wide character together where cells are inserted between them', async () => {
    for (const insert of ['\x1b[3@', '\x1b[4hx']) {
      const original = terminal();
      await write(original, `漢after\x1b[1;2H${insert}`);
      const line = original.buffer.active.getLine(0);
      expect(Array.from({ length: COLS }, (_, x) => line?.getCell(x)?.getWidth())).toEqual(Array(COLS).fill(1));
    }
  });

  it('is not held up by a count that no screen has room for', async () => {
    for (const final of ['L', 'M', 'S', 'T', 'I', 'Z', 'b']) {
      const before = `\x1b[3gone\r\ntwo\r\nthree\x1b[2;2Hx`;
      const held = terminal();
      await write(held, `${before}\x1b[2147483647${final}`);
      const whole = terminal();
      await write(whole, `${before}\x1b[${COLS * ROWS}${final}`);
      expect(fingerprint(held), final).toEqual(fingerprint(whole));
    }
  });

  it('outlives erasing up to its last cell, with nothing above it', async () => {
    for (const erase of ['\x1b[1J', '\x1b[?1J', '\x1b[?1049h\x1b[6;20H\x1b[1J']) {
      const original = terminal();
      await write(original, `text\x1b[${ROWS};${COLS}H${erase}`);
      expect(original.buffer.active.getLine(0)?.translateToString(true)).toBe('');
    }
  });

  it('shows what a larger screen brings back from above it', async () => {
    const original = terminal();
    await write(original, Array.from({ length: 30 }, (_, i) => `line ${i}`).join('\r\n'));
    const copy = await restored(original, KEYFRAME_SCROLLBACK_LINES);
    for (const rows of [ROWS + 9, ROWS - 2, ROWS + 20]) {
      original.resize(COLS, rows);
      copy.resize(COLS, rows);
      // A cursor saved above the screen is kept on it.
      expect({ ...fingerprint(copy), saved: null }).toEqual({ ...fingerprint(original), saved: null });
    }
  });

  it('is not taken in the middle of a control sequence or a character', async () => {
    const probe = terminal();
    await write(probe, 'a');
    expect(isBetweenSequences(probe)).toBe(true);
    await write(probe, '\x1b[3');
    expect(isBetweenSequences(probe)).toBe(false);
    await write(probe, '1m\x1b]0;title');
    expect(isBetweenSequences(probe)).toBe(false);
    await write(probe, '\x07');
    expect(isBetweenSequences(probe)).toBe(true);
    await write(probe, Buffer.from('漢').subarray(0, 2));
    expect(isBetweenSequences(probe)).toBe(false);
    await write(probe, Buffer.from('漢').subarray(2));
    expect(isBetweenSequences(probe)).toBe(true);
  });
});
