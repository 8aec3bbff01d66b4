/** What a page's terminal and a runner's, which are of two packages, have in common. */
interface XtermTerminal {
  readonly cols: number;
  readonly rows: number;
  readonly parser: {
    registerCsiHandler(id: { prefix?: string; final: string }, handler: (params: (number | number[])[]) => boolean): unknown;
  };
}

/**
 * Mends what output must not be able to do to a terminal of xterm.js 6.0. Both ends of the wire are mended alike, so that they
 * hold the same screen.
 */
export function mendTerminal(terminal: XtermTerminal): void {
  const core = (terminal as unknown as { _core: TerminalCore })._core;
  mendErasing(terminal, core);
  mendInserting(core);
  boundCounts(terminal, core);
}

/**
 * How often something is done is taken at its word, up to thousands of millions of times, and nothing else is done before the end of
 * it: ten bytes would stop a terminal for minutes. Doing it as often as there is room comes to the same.
 */
function boundCounts(terminal: XtermTerminal, { _inputHandler: handler }: TerminalCore): void {
  const bound = (final: string, most: () => number, act: (count: { params: number[] }) => boolean) =>
    terminal.parser.registerCsiHandler({ final }, ([count]) => {
      if (typeof count !== 'number' || count <= most()) return false;
      return act({ params: [most()] });
    });
  const rows = () => terminal.rows;
  const cols = () => terminal.cols;
  bound('L', rows, (count) => handler.insertLines(count));
  bound('M', rows, (count) => handler.deleteLines(count));
  bound('S', rows, (count) => handler.scrollUp(count));
  bound('T', rows, (count) => handler.scrollDown(count));
  bound('I', cols, (count) => handler.cursorForwardTab(count));
  bound('Z', cols, (count) => handler.cursorBackwardTab(count));
  bound(
    'b',
    () => terminal.rows * terminal.cols,
    (count) => handler.repeatPrecedingCharacter(count),
  );
}

/** Erasing up to the last cell of a screen that has nothing above it fails: it marks the line after the last one, which there is none. */
function mendErasing(terminal: XtermTerminal, core: TerminalCore): void {
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

const mendedLines = new WeakSet<BufferLine>();

/**
 * Inserting cells between the halves of a wide character empties the first half alone: the second one wanders off as a cell that
 * has no width, by which everything after it is drawn too far left, and which no output could draw again.
 */
function mendInserting(core: TerminalCore): void {
  const line: BufferLine = Object.getPrototypeOf(core.buffer.lines.get(0));
  if (mendedLines.has(line)) return;
  mendedLines.add(line);
  const insertCells = line.insertCells;
  line.insertCells = function (at, count, fill) {
    const cell = at % this.length;
    if (this.getWidth(cell) === 0 && !this.hasContent(cell)) this.setCellFromCodepoint(cell, 0, 1, fill);
    insertCells.call(this, at, count, fill);
  };
}

interface TerminalCore {
  buffer: { x: number; y: number; lines: { get(index: number): unknown } };
  _inputHandler: Record<
    | 'eraseInDisplay'
    | 'insertLines'
    | 'deleteLines'
    | 'scrollUp'
    | 'scrollDown'
    | 'cursorForwardTab'
    | 'cursorBackwardTab'
    | 'repeatPrecedingCharacter',
    (params: { params: number[] }) => boolean
  >;
}

interface BufferLine {
  readonly length: number;
  getWidth(cell: number): number;
  /** Whether there is a character in the cell; wherever there is none the code point is 0. */
  hasContent(cell: number): number;
  setCellFromCodepoint(cell: number, codePoint: number, width: number, style: unknown): void;
  insertCells(at: number, count: number, fill: unknown): void;
}
