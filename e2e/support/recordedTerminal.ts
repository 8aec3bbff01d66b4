import { expect, type Locator } from '@playwright/test';
import { headlessTerminal, type TerminalInternals } from '@plumbline/screens';
import type { IBufferCell } from '@xterm/headless';
import type { PlatformUnderTest } from './platform.ts';
import { readEvents } from './recordingCheck.ts';

interface Cell {
  /** What stands in it; a space where nothing does. */
  chars: string;
  /** Columns that it takes. */
  width: number;
  /** Its colours as the page names them, and its weights. */
  look: string;
  /** Several cells that hold one character together, as a flag's: the page draws it at once over all of them. */
  isJoined?: boolean;
}

interface Screen {
  cols: number;
  rows: Cell[][];
  /** Column and row; null where none is drawn. */
  cursor: [number, number] | null;
}

/** What xterm.js calls the colour of a letter on the terminal's own background, or the other way round. */
const INVERTED_DEFAULT = '257';

/** A terminal of an attempt as its recorded bytes and sizes draw it, without the page. */
export class RecordedTerminal {
  readonly #platform: PlatformUnderTest;
  readonly #attemptId: string;
  readonly #number: number;
  readonly #terminal = headlessTerminal({ cols: 80, rows: 24, scrollback: 1000 });
  #seq = 0;

  constructor(platform: PlatformUnderTest, attemptId: string, number: number) {
    this.#platform = platform;
    this.#attemptId = attemptId;
    this.#number = number;
  }

  /** The page's terminal has cell for cell what the recording draws: its text in its columns, colours, weights and the cursor. */
  async expectDrawnIn(terminal: Locator, what: string): Promise<void> {
    await expect(async () => {
      const screen = await this.#screen();
      expect(await terminal.evaluate(differencesFrom, screen), what).toEqual([]);
    }).toPass({ timeout: 60_000 });
  }

  /** Columns and rows that the sandbox gave it last. */
  async size(): Promise<{ cols: number; rows: number }> {
    const { cols, rows } = await this.#screen();
    return { cols, rows: rows.length };
  }

  async #screen(): Promise<Screen> {
    for (const event of await readEvents(this.#platform, this.#attemptId)) {
      if (event.seq <= this.#seq) continue;
      this.#seq = event.seq;
      if (event.stream !== this.#number) continue;
      if (event.type === 'terminal.opened' || event.type === 'terminal.resized') this.#terminal.resize(event.data.cols, event.data.rows);
      if (event.type === 'terminal.output') {
        const { bytes } = event.data;
        await new Promise<void>((drawn) => this.#terminal.write(bytes, drawn));
      }
    }
    const { cols, rows, buffer } = this.#terminal;
    const { isCursorHidden } = (this.#terminal as unknown as TerminalInternals)._core.coreService;
    const { cursorX, cursorY, baseY } = buffer.active;
    return {
      cols,
      rows: Array.from({ length: rows }, (_, y) => {
        const line = buffer.active.getLine(baseY + y);
        return inCharacters(Array.from({ length: cols }, (_, x) => cellOf(line?.getCell(x))).filter(({ width }) => width > 0));
      }),
      cursor: isCursorHidden || cursorX === cols ? null : [cursorX, cursorY],
    };
  }
}

const characters = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** A row's cells, with those in one that hold a character together. */
function inCharacters(cells: Cell[]): Cell[] {
  const begins = new Set([...characters.segment(cells.map(({ chars }) => chars).join(''))].map(({ index }) => index));
  const row: Cell[] = [];
  let at = 0;
  for (const cell of cells) {
    const before = row.at(-1);
    if (begins.has(at) || before === undefined) row.push(cell);
    else row[row.length - 1] = { ...before, chars: before.chars + cell.chars, width: before.width + cell.width, isJoined: true };
    at += cell.chars.length;
  }
  return row;
}

function cellOf(cell: IBufferCell | undefined): Cell {
  if (cell === undefined) return { chars: ' ', width: 1, look: '- - ' };
  const isInverse = cell.isInverse() !== 0;
  const colour = (of: 'Fg' | 'Bg') => {
    const value = of === 'Fg' ? cell.getFgColor() : cell.getBgColor();
    if (cell[`is${of}Default`]()) return null;
    return cell[`is${of}RGB`]() ? `#${value.toString(16).padStart(6, '0')}` : value;
  };
  const [ink, paper] = isInverse ? [colour('Bg'), colour('Fg')] : [colour('Fg'), colour('Bg')];
  // Bold letters have the bright one of the first eight colours.
  const bright = typeof ink === 'number' && ink < 8 && cell.isBold() ? ink + 8 : ink;
  const weights = [
    cell.isBold() ? 'bold' : '',
    cell.isItalic() ? 'italic' : '',
    cell.isDim() ? 'dim' : '',
    cell.isUnderline() ? 'underline' : '',
    cell.isStrikethrough() ? 'strikethrough' : '',
    cell.isOverline() ? 'overline' : '',
  ].filter((weight) => weight !== '');
  const byDefault = isInverse ? INVERTED_DEFAULT : '-';
  return {
    chars: (cell.isInvisible() ? '' : cell.getChars()) || ' ',
    width: cell.getWidth(),
    look: `${bright ?? byDefault} ${paper ?? byDefault} ${weights.join(' ')}`,
  };
}

/** Runs in the page: where its terminal, drawn into the DOM, shows something else than this; the first few places in words. */
function differencesFrom(terminal: Element, { cols, rows, cursor }: Screen): string[] {
  const differences: string[] = [];
  const drawn = [...terminal.querySelectorAll('.xterm-rows > div')];
  if (drawn.length !== rows.length) return [`${drawn.length} rows instead of ${rows.length}`];
  const screen = terminal.querySelector('.xterm-screen')?.getBoundingClientRect() ?? new DOMRect();
  const cellWidth = screen.width / cols;
  const hex = (rgb: string) =>
    `#${(rgb.match(/\d+/g) ?? [])
      .slice(0, 3)
      .map((part) => Number(part).toString(16).padStart(2, '0'))
      .join('')}`;
  const lookOf = ({ className, style }: HTMLElement) => {
    const named = (kind: string, rgb: string) => (rgb !== '' ? hex(rgb) : (new RegExp(`xterm-${kind}-(\\d+)`).exec(className)?.[1] ?? '-'));
    const weights = ['bold', 'italic', 'dim', 'underline', 'strikethrough', 'overline'].filter((weight) =>
      className.includes(`xterm-${weight}`),
    );
    return `${named('fg', style.color)} ${named('bg', style.backgroundColor)} ${weights.join(' ')}`;
  };
  const range = document.createRange();
  let drawnCursor: [number, number] | null = null;
  for (const [y, cells] of rows.entries()) {
    const spans = [...(drawn[y]?.children ?? [])] as HTMLElement[];
    let x = 0;
    let at = 0;
    let offset = 0;
    // What a row kept of a larger screen stands beyond its edge, where nobody sees it.
    for (const { chars, width, look, isJoined } of cells) {
      const span = spans[at];
      const text = span?.firstChild;
      const place = `row ${y}, column ${x}`;
      if (!span || !text) {
        if (chars !== ' ' || look.split(' ')[1] !== '-') differences.push(`${place}: nothing instead of ${chars} (${look})`);
      } else {
        const shown = (text.textContent ?? '').slice(offset, offset + chars.length).replaceAll('\u00a0', ' ');
        if (shown !== chars.replaceAll('\u00a0', ' ')) differences.push(`${place}: ${shown} instead of ${chars}`);
        if (isJoined && text.textContent !== chars) differences.push(`${place}: ${chars} drawn with others, or in parts`);
        if (lookOf(span) !== look) differences.push(`${place}, ${chars}: ${lookOf(span)} instead of ${look}`);
        if (span.classList.contains('xterm-cursor')) drawnCursor = [x, y];
        if (chars !== ' ') {
          range.setStart(text, offset);
          range.setEnd(text, Math.min(offset + chars.length, text.textContent?.length ?? 0));
          const columns = (range.getBoundingClientRect().left - screen.left) / cellWidth;
          if (Math.abs(columns - x) > 0.5) differences.push(`${place}, ${chars}: drawn at column ${columns.toFixed(1)}`);
        }
        offset += chars.length;
        if (offset >= (text.textContent?.length ?? 0)) {
          at += 1;
          offset = 0;
        }
      }
      x += width;
    }
  }
  if (`${drawnCursor}` !== `${cursor}`) differences.push(`the cursor is at ${drawnCursor} instead of ${cursor}`);
  return differences.slice(0, 10);
}
