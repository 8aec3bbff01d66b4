import type { Terminal } from '@xterm/headless';
import fc from 'fast-check';
import { headlessTerminal } from './headlessTerminal.ts';
import type { TerminalInternals } from './screenState.ts';

/** Terminals to compare, for tests. */

/** A terminal as the runner keeps one. */
export const makeTerminal = (cols: number, rows: number): Terminal => headlessTerminal({ cols, rows, scrollback: 1000 });

/** Resolves when the bytes are parsed. */
export const write = (to: Terminal, data: string | Uint8Array) => new Promise<void>((resolve) => to.write(data, resolve));

/** Everything that a person or a later byte could tell apart. */
export function fingerprint(of: Terminal): Record<string, unknown> {
  const core = (of as unknown as TerminalInternals)._core;
  const buffer = of.buffer.active;
  const rows = [];
  for (let y = 0; y < of.rows; y++) {
    const line = buffer.getLine(buffer.baseY + y);
    const cells = [];
    for (let x = 0; x < of.cols; x++) {
      const cell = line?.getCell(x);
      if (cell === undefined) continue;
      // An empty cell and a space look the same, and so does what is left of a wide character that the edge cuts in half.
      const isCut = x + cell.getWidth() > of.cols;
      const isBlank = isCut || cell.getChars().trim() === '';
      const isLined = Boolean(cell.isInverse() || cell.isUnderline());
      // Weight and colour of a letter that is not there cannot be seen.
      const weight = isBlank ? [0, 0, 0] : [cell.isBold(), cell.isItalic(), cell.isDim()];
      const style = [cell.isInverse(), cell.isUnderline(), ...weight].map((flag) => (flag ? 1 : 0)).join('');
      const ink = isBlank && !isLined ? [0, 0] : [cell.getFgColorMode(), cell.getFgColor()];
      const colours = [...ink, cell.getBgColorMode(), cell.getBgColor()].join();
      cells.push([(isCut ? '' : cell.getChars()) || ' ', isCut ? 1 : cell.getWidth(), style, colours].join('|'));
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

/** A piece of what ordinary programs put out. */
export const anyText = (cols: number, rows: number) =>
  fc.oneof(
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
      '\x1b[4h',
      '\x1b[4l',
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
    fc.tuple(fc.integer({ min: 1, max: rows }), fc.integer({ min: 1, max: cols })).map(([row, col]) => `\x1b[${row};${col}H`),
    fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 4, max: rows })).map(([top, bottom]) => `\x1b[${top};${bottom}r`),
  );

/** Output, or now and then another width. */
export const anyOutput = (cols: number, rows: number) =>
  fc.oneof(
    { weight: 8, arbitrary: anyText(cols, rows).map((text) => ({ bytes: Buffer.from(text), cols: 0 })) },
    { weight: 1, arbitrary: fc.integer({ min: 5, max: 30 }).map((width) => ({ bytes: Buffer.alloc(0), cols: width })) },
  );

/** Sizes of the pieces in which output comes, by turns. */
export const anyChunking = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 });
