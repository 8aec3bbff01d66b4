import unicode11 from '@xterm/addon-unicode11';
import headless, { type Terminal } from '@xterm/headless';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBetweenSequences, serialiseScreen, type TerminalInternals } from './screenState.ts';

const COLS = 20;
const ROWS = 6;

function terminal(cols = COLS, rows = ROWS): Terminal {
  const made = new headless.Terminal({ cols, rows, scrollback: 1000, allowProposedApi: true });
  made.loadAddon(new unicode11.Unicode11Addon() as unknown as Parameters<Terminal['loadAddon']>[0]);
  made.unicode.activeVersion = '11';
  return made;
}

const write = (to: Terminal, data: string | Uint8Array) => new Promise<void>((resolve) => to.write(data, resolve));

async function restored(from: Terminal, scrollback = 0): Promise<Terminal> {
  const to = terminal(from.cols, from.rows);
  await write(to, serialiseScreen(from, scrollback));
  return to;
}

/** Everything that a person or a later byte could tell apart. */
function fingerprint(of: Terminal): unknown {
  const core = (of as unknown as TerminalInternals)._core;
  const buffer = of.buffer.active;
  const rows = [];
  for (let y = 0; y < of.rows; y++) {
    const line = buffer.getLine(buffer.baseY + y);
    const cells = [];
    for (let x = 0; x < of.cols; x++) {
      const cell = line?.getCell(x);
      if (cell === undefined) continue;
      const style = [cell.isBold(), cell.isInverse(), cell.isUnderline(), cell.isItalic(), cell.isDim()]
        .map((flag) => (flag ? 1 : 0))
        .join('');
      const colours = [cell.getFgColorMode(), cell.getFgColor(), cell.getBgColorMode(), cell.getBgColor()].join();
      // An empty cell and a space look the same.
      cells.push([cell.getChars() || ' ', cell.getWidth(), style, colours].join('|'));
    }
    rows.push(cells);
  }
  const { x, y, scrollTop, scrollBottom, savedX } = core.buffer;
  return {
    rows,
    kind: buffer.type,
    cursor: [x, y],
    margins: [scrollTop, scrollBottom],
    // Restoring a saved cursor keeps it on the screen.
    saved: [Math.min(savedX, of.cols - 1), Math.min(Math.max(core.buffer.savedY - core.buffer.ybase, 0), of.rows - 1)],
    tabs: Array.from({ length: of.cols }, (_, col) => Boolean(core.buffer.tabs[col])),
    modes: of.modes,
    hidden: core.coreService.isCursorHidden,
    origin: core.coreService.decPrivateModes.origin,
    charset: [core._charsetService.glevel, core._charsetService.charset],
    mouse: [core.coreMouseService.activeProtocol, core.coreMouseService.activeEncoding],
  };
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

  it('equals the original after any run of ordinary terminal output', async () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'hello ',
        'world',
        '\r\n',
        '\t',
        '\b',
        '漢',
        '\x1b[K',
        '\x1b[1J',
        '\x1b[2J',
        '\x1b[L',
        '\x1b[M',
        '\x1b[2P',
        '\x1b[3@',
        '\x1bM',
        '\x1bD',
      ),
      fc.constantFrom(
        '\x1b[1m',
        '\x1b[0m',
        '\x1b[7m',
        '\x1b[31m',
        '\x1b[44m',
        '\x1b[38;5;100m',
        '\x1b[?1049h',
        '\x1b[?1049l',
        '\x1b7',
        '\x1b8',
        '\x1b(0',
        '\x1b(B',
      ),
      fc.tuple(fc.integer({ min: 1, max: ROWS }), fc.integer({ min: 1, max: COLS })).map(([row, col]) => `\x1b[${row};${col}H`),
      fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 4, max: ROWS })).map(([top, bottom]) => `\x1b[${top};${bottom}r`),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 40 }), async (pieces) => {
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
