import type { Terminal } from '@xterm/xterm';

/**
 * Mends what output must not be able to do to a terminal. xterm.js 6.0 fails where a program erases up to the last cell of a
 * screen that has nothing above it: it marks the line after the last one, which there is none. The runner's terminals do the
 * same.
 */
export function mendTerminal(terminal: Terminal): void {
  const core = (terminal as unknown as { _core: TerminalCore })._core;
  const eraseUpToCursor = (params: (number | number[])[]): boolean => {
    const { buffer } = core;
    if (params[0] !== 1 || buffer.x + 1 < terminal.cols || buffer.lines.get(buffer.y + 1) !== undefined) return false;
    // Up to the last cell is all of it.
    core._inputHandler.eraseInDisplay({ params: [2] });
    return true;
  };
  terminal.parser.registerCsiHandler({ final: 'J' }, eraseUpToCursor);
  terminal.parser.registerCsiHandler({ prefix: '?', final: 'J' }, eraseUpToCursor);
}

interface TerminalCore {
  buffer: { x: number; y: number; lines: { get(index: number): unknown } };
  _inputHandler: { eraseInDisplay(params: { params: number[] }): boolean };
}
