import type { SerializeAddon } from '@xterm/addon-serialize';
import headless, { type IBufferCell, type Terminal } from '@xterm/headless';

/**
 * A terminal's screen as text that draws it again, whole: what the serialize addon gives, and what it leaves out or gets
 * wrong (margins, origin mode, saved cursor, character sets, tab stops, cursor visibility and style, mouse encoding, a
 * pending wrap, colours carried into the alternate screen). It reads parts of xterm.js that are not public; the versions
 * are pinned, and the tests compare a restored terminal with the original cell by cell.
 */

/** The parts of xterm.js 6.0 that are read here. */
export interface TerminalInternals {
  _core: {
    buffer: InternalBuffer;
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
> & {
  isFgRGB(): boolean | number;
  isBgRGB(): boolean | number;
  isFgPalette(): boolean | number;
  isBgPalette(): boolean | number;
};

const ESC = '\x1b';
const CSI = '\x1b[';
const TAB_WIDTH = 8;
const PARSER_GROUND = 0;
const MOUSE_PROTOCOLS: Readonly<Record<string, number>> = { X10: 9, VT200: 1000, DRAG: 1002, ANY: 1003 };
const MOUSE_ENCODINGS: Readonly<Record<string, number>> = { SGR: 1006, SGR_PIXELS: 1016 };
const CURSOR_STYLES = { block: 2, underline: 4, bar: 6 } as const;
/** Final bytes that designate the character sets xterm.js knows. */
const CHARSET_FINALS = ['0', 'A', '4', 'C', 'R', 'Q', 'K', 'Y', 'E', 'Z', 'H', '='] as const;

/** Whether the terminal stands between control sequences and characters, so that its screen is all there is to it. */
export function isBetweenSequences(terminal: Terminal): boolean {
  const handler = (terminal as unknown as TerminalInternals)._core._inputHandler;
  return handler._parser.currentState === PARSER_GROUND && handler._utf8Decoder.interim[0] === 0;
}

/** Text that, written to a reset terminal of the same size, gives the same screen. `scrollback` is in lines. */
export function serialiseScreen(terminal: Terminal, addon: SerializeAddon, scrollback: number): string {
  const core = (terminal as unknown as TerminalInternals)._core;
  let text = addon.serialize({ scrollback, excludeAltBuffer: true, excludeModes: true });
  if (terminal.buffer.active.type === 'alternate') {
    const alternate = (
      addon as unknown as { _serializeBufferByScrollback(t: Terminal, b: unknown, s: undefined): string }
    )._serializeBufferByScrollback(terminal, terminal.buffer.alternate, undefined);
    text += `${CSI}0m${CSI}?1049h${CSI}H${alternate}`;
  }
  text += tabStops(core.buffer.tabs, terminal.cols);
  text += margins(core.buffer, terminal.rows);
  text += savedCursor(core.buffer);
  text += cursor(terminal, core.buffer, core.coreService.decPrivateModes.origin);
  text += `${CSI}0m${sgr(core._inputHandler._curAttrData)}`;
  text += modes(core);
  return text + charsets(core._charsetService);
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
  if (attributes.isFgRGB()) codes.push(`38;2;${rgb(attributes.getFgColor())}`);
  else if (attributes.isFgPalette()) codes.push(`38;5;${attributes.getFgColor()}`);
  if (attributes.isBgRGB()) codes.push(`48;2;${rgb(attributes.getBgColor())}`);
  else if (attributes.isBgPalette()) codes.push(`48;5;${attributes.getBgColor()}`);
  return codes.length === 0 ? '' : `${CSI}${codes.join(';')}m`;
}

function rgb(colour: number): string {
  return `${(colour >>> 16) & 255};${(colour >>> 8) & 255};${colour & 255}`;
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
    const final = designation(service._charsets[level]);
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
