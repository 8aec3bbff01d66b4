import { mendTerminal } from '@plumbline/protocol';
import unicode11 from '@xterm/addon-unicode11';
import headless, { type Terminal } from '@xterm/headless';
import type { TerminalInternals } from './screenState.ts';

/** Terminals to compare, for tests. */

/** A terminal as the runner keeps one. */
export function makeTerminal(cols: number, rows: number): Terminal {
  const made = new headless.Terminal({ cols, rows, scrollback: 1000, allowProposedApi: true });
  made.loadAddon(new unicode11.Unicode11Addon() as unknown as Parameters<Terminal['loadAddon']>[0]);
  made.unicode.activeVersion = '11';
  mendTerminal(made);
  return made;
}

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
      const isBlank = cell.getChars().trim() === '';
      const isLined = Boolean(cell.isInverse() || cell.isUnderline());
      // Weight and colour of a letter that is not there cannot be seen.
      const weight = isBlank ? [0, 0, 0] : [cell.isBold(), cell.isItalic(), cell.isDim()];
      const style = [cell.isInverse(), cell.isUnderline(), ...weight].map((flag) => (flag ? 1 : 0)).join('');
      const ink = isBlank && !isLined ? [0, 0] : [cell.getFgColorMode(), cell.getFgColor()];
      const colours = [...ink, cell.getBgColorMode(), cell.getBgColor()].join();
      // An empty cell and a space look the same, and so does what is left of a wide character that the edge cuts in half.
      const isCut = x + cell.getWidth() > of.cols;
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
