import headless, { type IBuffer, type IBufferCell, type IBufferLine, type Terminal } from '@xterm/headless';

/**
 * A terminal's screen as text that draws it again, whole: cells of both screens, margins, origin mode, saved cursors,
 * character sets, tab stops, modes, cursor and a pending wrap. (xterm's serialize addon leaves out most of these, loses
 * backgrounds below the last text, and carries a style into the alternate screen.) It reads parts of xterm.js that are
 * not public; the version is pinned, and the tests compare a restored terminal with the original cell by cell.
 */

/** The parts of xterm.js 6.0 that are read here. */
export interface TerminalInternals {
  _core: {
    buffer: InternalBuffer;
    _bufferService: { buffers: { normal: InternalBuffer; alt: InternalBuffer } };
    coreService: {
      isCursorHidden: boolean;
      modes: { insertMode: boolean };
      decPrivateModes: {
        applicationCursorKeys: boolean;
        applicationKeypad: boolean;
        bracketedPasteMode: boolean;
        cursorBlink: boolean | undefined;
        cursorStyle: 'block' | 'underline' | 'bar' | undefined;
        origin: boolean;
        reverseWraparound: boolean;
        sendFocus: boolean;
        wraparound: boolean;
      };
    };
    coreMouseService: { activeProtocol: string; activeEncoding: string };
    _charsetService: { charset: unknown; glevel: number; _charsets: unknown[] };
    _inputHandler: {
      _parser: { currentState: number };
      _utf8Decoder: { interim: Uint8Array };
      _curAttrData: AttributeData;
      selectCharset(introducerAndFinal: string): boolean;
    };
  };
}

interface InternalBuffer {
  x: number;
  y: number;
  ybase: number;
  scrollTop: number;
  scrollBottom: number;
  tabs: Record<number, boolean | undefined>;
  savedX: number;
  savedY: number;
  savedCurAttrData: AttributeData;
  savedCharset: unknown;
}

type AttributeData = Pick<
  IBufferCell,
  | 'isBold'
  | 'isDim'
  | 'isItalic'
  | 'isUnderline'
  | 'isBlink'
  | 'isInverse'
  | 'isInvisible'
  | 'isStrikethrough'
  | 'isOverline'
  | 'getFgColor'
  | 'getBgColor'
  | 'getFgColorMode'
  | 'getBgColorMode'
>;

/** A keyframe has so many lines above the screen: those that a larger screen brings back into view. */
export const KEYFRAME_SCROLLBACK_LINES = 60;

const ESC = '\x1b';
const CSI = '\x1b[';
const TAB_WIDTH = 8;
const PARSER_GROUND = 0;
const MOUSE_PROTOCOLS: Readonly<Record<string, number>> = { X10: 9, VT200: 1000, DRAG: 1002, ANY: 1003 };
const MOUSE_ENCODINGS: Readonly<Record<string, number>> = { SGR: 1006, SGR_PIXELS: 1016 };
/** xterm.js's own numbers for how a colour is given. */
const COLOUR_MODES = { named: 0x1000000, palette: 0x2000000, rgb: 0x3000000 } as const;
const CURSOR_STYLES = { block: 2, underline: 4, bar: 6 } as const;
/** Final bytes that designate the character sets xterm.js knows. */
const CHARSET_FINALS = ['0', 'A', '4', 'C', 'R', 'Q', 'K', 'Y', 'E', 'Z', 'H', '='] as const;

/** Whether the terminal stands between control sequences and characters, so that its screen is all there is to it. */
export function isBetweenSequences(terminal: Terminal): boolean {
  const handler = (terminal as unknown as TerminalInternals)._core._inputHandler;
  return handler._parser.currentState === PARSER_GROUND && handler._utf8Decoder.interim[0] === 0;
}

/** Text that, written to a reset terminal of the same size, gives the same screen. `scrollback` is in lines. */
export function serialiseScreen(terminal: Terminal, scrollback: number): string {
  return serialise(terminal, scrollback, Number.POSITIVE_INFINITY);
}

/**
 * As `serialiseScreen`, with as many lines above the screen as let the text take at most `maxBytes` as a JSON string. Null where the
 * screen alone takes more: a thousand columns and rows of cells with colours of their own are fifty megabytes.
 */
export function serialiseScreenWithin(terminal: Terminal, scrollback: number, maxBytes: number): string | null {
  for (let lines = Math.min(scrollback, terminal.buffer.normal.baseY); ; lines = Math.floor(lines / 2)) {
    const text = serialise(terminal, lines, maxBytes);
    if (text.length <= maxBytes && Buffer.byteLength(JSON.stringify(text)) <= maxBytes) return text;
    if (lines === 0) return null;
  }
}

/** Cells beyond `maxLength` are left out: the text is too long then, and of no use. */
function serialise(terminal: Terminal, scrollback: number, maxLength: number): string {
  const core = (terminal as unknown as TerminalInternals)._core;
  const { normal, alt } = core._bufferService.buffers;
  const start = Math.max(0, terminal.buffer.normal.baseY - scrollback);
  let text = paint(terminal.buffer.normal, start, terminal, maxLength) + bufferState(normal, terminal);
  // Leaving the alternate screen restores the cursor that is saved by now, whichever way it was entered.
  if (terminal.buffer.active.type === 'alternate')
    text += `${CSI}?1047h${paint(terminal.buffer.alternate, 0, terminal, maxLength)}${bufferState(alt, terminal)}`;
  text += cursor(terminal, core.buffer, core.coreService.decPrivateModes.origin);
  text += `${CSI}0m${sgr(core._inputHandler._curAttrData)}`;
  text += modes(core);
  return text + charsets(core._charsetService);
}

/** Draws a buffer's lines from the top-left corner, the older ones scrolling out, in the default style at both ends. */
function paint(buffer: IBuffer, start: number, terminal: Terminal, maxLength: number): string {
  const end = buffer.baseY + terminal.rows;
  const cell = buffer.getNullCell();
  let text = `${CSI}H`;
  for (let y = start; y < end; y++) {
    const line = buffer.getLine(y);
    const { drawn, isFull } = paintLine(line, cell, terminal.cols);
    text += drawn;
    if (y + 1 === end || text.length > maxLength) break;
    const next = buffer.getLine(y + 1);
    if (next?.isWrapped !== true) text += '\r\n';
    else if (!isFull) text += wrapFromGap(line, cell, terminal);
    else if ((next.getCell(0)?.getChars() ?? '') === '') text += `-\r${CSI}X`;
    // A full line lets the next one wrap by itself.
  }
  return text;
}

/**
 * Goes to the next line as a wrap of one that has nothing in its last cell, as after a smaller screen has cut a line in
 * cells that were skipped, or before a wide character that had no room: a later resize joins the two then as it would the
 * original's. Only what is printed wraps, so both cells are printed, and emptied again without a move that ends the wrap.
 */
function wrapFromGap(line: IBufferLine | undefined, cell: IBufferCell, { cols, rows }: Terminal): string {
  // On a single row the line is out of reach once its next one is there.
  if (rows === 1) return '\r\n';
  const last = `${CSI}${cols}G`;
  const style = line?.getCell(cols - 1, cell) === undefined ? '' : sgr(cell as unknown as AttributeData);
  return `${last}--\r${CSI}X${CSI}A${last}${style}${isSeenEmpty(cell) ? ' ' : `${CSI}X`}${CSI}0m${CSI}B\r`;
}

/** Whether a cell's style shows without a character, so that it must be written rather than erased. */
function isSeenEmpty(cell: IBufferCell): boolean {
  return Boolean(cell.isInverse() || cell.isUnderline() || cell.isStrikethrough() || cell.isOverline());
}

function paintLine(line: IBufferLine | undefined, cell: IBufferCell, cols: number): { drawn: string; isFull: boolean } {
  let text = '';
  let style = '';
  let skipped = 0;
  const skip = () => {
    if (skipped > 0) text += `${CSI}${skipped}C`;
    skipped = 0;
  };
  let isFull = false;
  for (let x = 0; line !== undefined && x < cols; x++) {
    if (line.getCell(x, cell) === undefined) break;
    const width = cell.getWidth();
    if (width === 0) continue;
    // A smaller screen can cut a wide character in half; written again it would go to the next line.
    const chars = x + width > cols ? '' : cell.getChars();
    const own = cell.isAttributeDefault() ? '' : sgr(cell as unknown as AttributeData);
    isFull = chars !== '' && x + width >= cols;
    if (chars === '' && own === '') {
      skipped += 1;
      continue;
    }
    skip();
    if (own !== style) text += `${CSI}0m${own}`;
    style = own;
    // An empty cell with a background is erased rather than written, which leaves the cursor where it is.
    if (chars === '' && !isSeenEmpty(cell)) {
      text += `${CSI}X`;
      skipped = 1;
    } else text += chars || ' ';
  }
  return { drawn: style === '' ? text : `${text}${CSI}0m`, isFull };
}

/** What a buffer keeps besides its cells and cursor. */
function bufferState(buffer: InternalBuffer, terminal: Terminal): string {
  return tabStops(buffer.tabs, terminal.cols) + margins(buffer, terminal.rows) + savedCursor(buffer);
}

function tabStops(tabs: InternalBuffer['tabs'], cols: number): string {
  let changed = false;
  for (let col = 0; col < cols && !changed; col++) changed = Boolean(tabs[col]) !== (col % TAB_WIDTH === 0);
  if (!changed) return '';
  let text = `${CSI}3g`;
  for (let col = 0; col < cols; col++) if (tabs[col]) text += `${CSI}${col + 1}G${ESC}H`;
  return text;
}

function margins(buffer: InternalBuffer, rows: number): string {
  if (buffer.scrollTop === 0 && buffer.scrollBottom === rows - 1) return '';
  return `${CSI}${buffer.scrollTop + 1};${buffer.scrollBottom + 1}r`;
}

function savedCursor(buffer: InternalBuffer): string {
  const row = Math.max(buffer.savedY - buffer.ybase, 0);
  const charset = designation(buffer.savedCharset);
  // A set that is saved is designated as G0 for the moment of saving; `charsets` says at the end what G0 truly is.
  const set = charset === null ? '' : `${ESC}(${charset}`;
  const unset = charset === null ? '' : `${ESC}(B`;
  return `${CSI}${row + 1};${buffer.savedX + 1}H${CSI}0m${sgr(buffer.savedCurAttrData)}${set}${ESC}7${unset}${CSI}0m`;
}

function cursor(terminal: Terminal, buffer: InternalBuffer, origin: boolean): string {
  // Turning origin mode on moves the cursor to the margin's corner, and makes rows count from there.
  const top = origin ? buffer.scrollTop : 0;
  const move = (row: number, col: number) => `${origin ? `${CSI}?6h` : ''}${CSI}${row - top + 1};${col + 1}H`;
  if (buffer.x < terminal.cols) return move(buffer.y, buffer.x);
  // A wrap is pending: only printing in the last column brings that about.
  const line = terminal.buffer.active.getLine(buffer.ybase + buffer.y);
  let col = terminal.cols - 1;
  let cell = line?.getCell(col);
  if (cell?.getWidth() === 0 && col > 0) {
    col -= 1;
    cell = line?.getCell(col);
  }
  if (cell === undefined) return move(buffer.y, terminal.cols - 1);
  return `${move(buffer.y, col)}${CSI}0m${sgr(cell as unknown as AttributeData)}${cell.getChars() || ' '}`;
}

function sgr(attributes: AttributeData): string {
  const codes: (number | string)[] = [];
  if (attributes.isBold()) codes.push(1);
  if (attributes.isDim()) codes.push(2);
  if (attributes.isItalic()) codes.push(3);
  if (attributes.isUnderline()) codes.push(4);
  if (attributes.isBlink()) codes.push(5);
  if (attributes.isInverse()) codes.push(7);
  if (attributes.isInvisible()) codes.push(8);
  if (attributes.isStrikethrough()) codes.push(9);
  if (attributes.isOverline()) codes.push(53);
  codes.push(...colour(attributes.getFgColorMode(), attributes.getFgColor(), 30));
  codes.push(...colour(attributes.getBgColorMode(), attributes.getBgColor(), 40));
  return codes.length === 0 ? '' : `${CSI}${codes.join(';')}m`;
}

/** `base` is 30 for the foreground and 40 for the background. */
function colour(mode: number, value: number, base: number): (number | string)[] {
  switch (mode) {
    case COLOUR_MODES.named:
      // Of the sixteen named colours the second eight have codes of their own.
      return [value < 8 ? base + value : base + 60 + value - 8];
    case COLOUR_MODES.palette:
      return [`${base + 8};5;${value}`];
    case COLOUR_MODES.rgb:
      return [`${base + 8};2;${(value >>> 16) & 255};${(value >>> 8) & 255};${value & 255}`];
    default:
      return [];
  }
}

function modes(core: TerminalInternals['_core']): string {
  const { decPrivateModes: dec, modes: ansi } = core.coreService;
  let text = '';
  if (dec.applicationCursorKeys) text += `${CSI}?1h`;
  if (dec.applicationKeypad) text += `${CSI}?66h`;
  if (dec.bracketedPasteMode) text += `${CSI}?2004h`;
  if (ansi.insertMode) text += `${CSI}4h`;
  if (dec.reverseWraparound) text += `${CSI}?45h`;
  if (dec.sendFocus) text += `${CSI}?1004h`;
  if (!dec.wraparound) text += `${CSI}?7l`;
  const protocol = MOUSE_PROTOCOLS[core.coreMouseService.activeProtocol];
  if (protocol !== undefined) text += `${CSI}?${protocol}h`;
  const encoding = MOUSE_ENCODINGS[core.coreMouseService.activeEncoding];
  if (encoding !== undefined) text += `${CSI}?${encoding}h`;
  if (dec.cursorStyle !== undefined) text += `${CSI}${CURSOR_STYLES[dec.cursorStyle] - (dec.cursorBlink ? 1 : 0)} q`;
  if (core.coreService.isCursorHidden) text += `${CSI}?25l`;
  return text;
}

function charsets(service: TerminalInternals['_core']['_charsetService']): string {
  let text = '';
  for (const [level, introducer] of ['(', ')', '*', '+'].entries()) {
    // Restoring a cursor changes the set in use without designating it; the one in use is what counts.
    const final = designation(level === service.glevel ? service.charset : service._charsets[level]);
    if (final !== null) text += `${ESC}${introducer}${final}`;
  }
  if (service.glevel === 1) text += '\x0e';
  if (service.glevel === 2) text += `${ESC}n`;
  if (service.glevel === 3) text += `${ESC}o`;
  return text;
}

let finalOfCharset: Map<unknown, string> | null = null;

/** The final byte that designates a set; null for the default one. xterm.js keeps one object per set, which names it. */
function designation(charset: unknown): string | null {
  if (charset === null || charset === undefined) return null;
  finalOfCharset ??= learnCharsets();
  return finalOfCharset.get(charset) ?? null;
}

function learnCharsets(): Map<unknown, string> {
  const scratch = new headless.Terminal({ cols: 2, rows: 1, allowProposedApi: true });
  const core = (scratch as unknown as TerminalInternals)._core;
  const finals = new Map<unknown, string>();
  for (const final of CHARSET_FINALS) {
    core._inputHandler.selectCharset(`(${final}`);
    finals.set(core._charsetService._charsets[0], final);
  }
  scratch.dispose();
  return finals;
}
