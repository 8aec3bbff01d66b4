import type { RecordedEvent } from '@plumbline/protocol';
import { headlessTerminal } from '@plumbline/screens/headlessTerminal';
import type { IBuffer, IBufferLine, Terminal } from '@xterm/headless';
import type { SearchWork } from './searchWork.ts';

/**
 * Finds text on one recorded terminal as a viewer would have seen it come: what was put out is drawn by a headless terminal of the size
 * that it had, and a row of the screen is found at the event after which it holds the text. So a program that paints by cursor addressing
 * (`vim`, `less`, `htop`) is searched as it looked, and text that came in several pieces, or was typed, is found when it was whole.
 *
 * A row that had the text already is not found again while it scrolls, is typed on, or merely counts on (other numbers, same words).
 * Known limit: text that was drawn and painted over within one event was never to be seen, and is not found.
 */

export interface TerminalHit {
  seq: number;
  /** From this time on a replay shows it. */
  atMs: number;
  /** The row that has it, and what it was wrapped into. */
  line: string;
  /** False where it had scrolled out of the screen by then: it came amid more output than the screen holds. */
  onScreen: boolean;
}

/** A terminal's lines above its screen: twelve bytes a cell, for each terminal that was open at once. */
const SCROLLBACK_CELLS = 1_000_000;
const SCROLLBACK_MOST_LINES = 12_000;
const SCROLLBACK_LEAST_LINES = 1_000;
const WAITING_BYTES = 4 * 1024 * 1024;
/** Text that was gone for less was painted anew: programs clear and draw in several pieces. */
const REPAINTED_WITHIN_MS = 1_000;
const LINE_SHOWN = 300;
const SHOWN_BEFORE = 60;
const ESCAPE = 0x1b;
const LINE_FEED = 0x0a;
/** The first byte of UTF-8's own control characters, which move the cursor as escapes do. */
const CONTROL_LEAD = 0xc2;

interface Known {
  text: string;
  /** When it was first seen to be gone; null while it is there. */
  goneAtMs: number | null;
}

/** What was found on one of a terminal's two screens, by the number of the row in its history. */
interface KnownScreen {
  rows: Map<number, Known>;
  /** The first row of the screen when it was looked at last: what is above it can change no more. */
  top: number;
}

export class TerminalSearch {
  /** Where what is drawn and looked at is counted. */
  work: SearchWork;
  private readonly needle: string;
  private terminal: Terminal | null = null;
  private offset = 0;
  private atMs = 0;
  private cursorRow = 0;
  private readonly known = { normal: newScreen(), alternate: newScreen() };
  private kind: 'normal' | 'alternate' = 'normal';
  private hits: TerminalHit[] = [];
  /** Output before what is drawn is missing: the next keyframe has what it left on the screen. */
  private begunAnew = false;
  private waiting = 0;
  private waitingBytes = 0;
  private onDrawn = () => {};
  private failure: unknown = null;
  /** False while a screen is drawn from which the search goes on: what is on it was found before. */
  private finding = true;

  /** `wanted` is found whatever its case. */
  constructor(wanted: string, work: SearchWork) {
    this.needle = wanted.toLowerCase();
    this.work = work;
  }

  dispose(): void {
    this.terminal?.dispose();
    this.terminal = null;
  }

  /** Draws what came before a search that goes on: a keyframe or the opening, and the events after it. */
  async goOnFrom(events: readonly RecordedEvent[]): Promise<void> {
    this.finding = false;
    await this.take(events);
    this.finding = true;
    if (this.terminal !== null) forgetScrollback(this.terminal);
    this.knowScreens();
  }

  /** Takes the terminal's next events in the order of the log, and gives what is found at them. */
  async take(events: readonly RecordedEvent[]): Promise<TerminalHit[]> {
    for (const event of events) {
      if (this.work.isAbandoned) break;
      this.work.tookEvent();
      if (event.type === 'terminal.opened') {
        await this.drawn();
        this.open(event.data.cols, event.data.rows, 0);
      } else if (event.type === 'terminal.keyframe') await this.takeKeyframe(event);
      else if (event.type === 'terminal.resized') this.resize(event.data);
      else if (event.type === 'terminal.output') await this.output(event);
      else if (event.type === 'terminal.closed') {
        // A recording may have hundreds that were closed, each with all its lines.
        await this.drawn();
        this.dispose();
      }
      // The terminal throws away what waits beyond its bound.
      if (this.waitingBytes > WAITING_BYTES) await this.drawn();
    }
    await this.drawn();
    const { hits } = this;
    this.hits = [];
    return hits;
  }

  private open(cols: number, rows: number, offset: number): void {
    this.dispose();
    this.terminal = headlessTerminal({ cols, rows, scrollback: scrollbackOf(cols) });
    this.offset = offset;
    this.begunAnew = false;
    this.known.normal = newScreen();
    this.known.alternate = newScreen();
    this.kind = 'normal';
    this.cursorRow = 0;
  }

  /** A keyframe is drawn where the search begins with it, or where output before it is missing: then what is on it is found there. */
  private async takeKeyframe(event: Extract<RecordedEvent, { type: 'terminal.keyframe' }>): Promise<void> {
    const { cols, rows, offset, screen } = event.data;
    if (this.terminal !== null && !this.begunAnew && offset <= this.offset) return;
    await this.drawn();
    this.open(cols, rows, offset);
    this.write(Buffer.from(screen), () => this.look(event, 'anywhere'));
  }

  private resize({ cols, rows }: { cols: number; rows: number }): void {
    const { terminal } = this;
    // In its turn: after the output that came before it.
    this.write(new Uint8Array(0), () => {
      if (terminal === null) return;
      terminal.options.scrollback = scrollbackOf(cols);
      terminal.resize(cols, rows);
      this.work.lookedAt(terminal.buffer.normal.length, cols);
      // Lines were wrapped anew, and nothing came.
      this.knowScreens();
    });
  }

  /** What is on the screens now counts as found. */
  private knowScreens(): void {
    const { terminal } = this;
    if (terminal === null) return;
    for (const kind of ['normal', 'alternate'] as const) this.known[kind] = this.screenOf(terminal.buffer[kind]);
    this.kind = terminal.buffer.active.type;
    this.cursorRow = cursorRowOf(terminal.buffer.active);
  }

  private async output(event: Extract<RecordedEvent, { type: 'terminal.output' }>): Promise<void> {
    const { offset, bytes } = event.data;
    if (this.terminal !== null && offset > this.offset) {
      // As a replay does: an empty screen, in the size that the terminal has once what waits is drawn.
      await this.drawn();
      this.open(this.terminal.cols, this.terminal.rows, offset);
      this.begunAnew = true;
    }
    const fresh = bytes.subarray(Math.max(0, this.offset - offset));
    this.offset = Math.max(this.offset, offset + bytes.length);
    const isPlain = !fresh.includes(ESCAPE) && !fresh.includes(CONTROL_LEAD);
    const feeds = isPlain ? fresh.reduce((count, byte) => (byte === LINE_FEED ? count + 1 : count), 0) : 0;
    const pieceBytes = pieceOf(this.terminal?.cols ?? 1);
    for (let from = 0; from < fresh.length; from += pieceBytes) {
      const isLast = from + pieceBytes >= fresh.length;
      this.write(fresh.subarray(from, from + pieceBytes), () =>
        isLast ? this.look(event, isPlain ? feeds : 'anywhere') : this.lookAbove(event),
      );
    }
  }

  private write(bytes: Uint8Array, then: () => void): void {
    if (this.terminal === null) return;
    this.work.drew(bytes.length);
    this.waitingBytes += bytes.length;
    this.waiting += 1;
    this.terminal.write(bytes, () => {
      this.waitingBytes -= bytes.length;
      this.waiting -= 1;
      try {
        then();
      } catch (error) {
        // Thrown from here it would end the process.
        this.failure ??= error;
      }
      if (this.waiting === 0) this.onDrawn();
    });
  }

  /** Resolves once all that was written is drawn and looked at. */
  private async drawn(): Promise<void> {
    if (this.waiting > 0) await new Promise<void>((resolve) => (this.onDrawn = resolve));
    if (this.failure !== null) throw this.failure;
  }

  /**
   * Looks at what an event can have changed: without escapes nothing but the rows that the cursor passed, which its line feeds may have
   * moved up within the screen's margins.
   */
  private look(event: RecordedEvent, changed: number | 'anywhere'): void {
    const { terminal } = this;
    if (terminal === null || !this.finding || this.work.isAbandoned) return;
    const buffer = terminal.buffer.active;
    if (buffer.type !== this.kind) {
      this.kind = buffer.type;
      if (buffer.type === 'alternate') this.known.alternate = newScreen();
    }
    const { top } = this.known[this.kind];
    if (changed === 'anywhere') this.find(event, top, buffer.baseY + terminal.rows - 1);
    else this.find(event, Math.max(top, Math.min(this.cursorRow, cursorRowOf(buffer)) - changed), cursorRowOf(buffer));
    this.settle(terminal);
  }

  /** Looks at what has left the screen amid an event. What is still on it may be painted over before the event ends. */
  private lookAbove(event: RecordedEvent): void {
    const { terminal } = this;
    if (terminal === null || !this.finding) return;
    const buffer = terminal.buffer.active;
    if (buffer.type !== 'normal' || this.kind !== 'normal' || buffer.baseY === this.known.normal.top) return;
    this.find(event, this.known.normal.top, buffer.baseY - 1);
    this.settle(terminal);
  }

  private settle(terminal: Terminal): void {
    const { active } = terminal.buffer;
    const screen = this.known[this.kind];
    if (active.type === 'normal' && active.baseY > scrollbackOf(terminal.cols) / 4) {
      const rows = active.baseY;
      forgetScrollback(terminal);
      screen.rows = new Map([...screen.rows].map(([row, known]) => [row - rows, known]));
    }
    screen.top = active.baseY;
    for (const row of screen.rows.keys()) if (row < screen.top) screen.rows.delete(row);
    this.cursorRow = cursorRowOf(active);
  }

  private find(event: RecordedEvent, from: number, to: number): void {
    const { terminal } = this;
    if (terminal === null) return;
    this.work.lookedAt(to - from + 1, terminal.cols);
    this.atMs = Math.max(this.atMs, event.atMs);
    const { atMs } = this;
    const buffer = terminal.buffer.active;
    const { rows } = this.known[this.kind];
    const fresh: [number, string][] = [];
    const there = new Map<number, Known>();
    for (let row = from; row <= to; row += 1) {
      const text = this.matchAt(buffer, row);
      const before = rows.get(row);
      if (text === null) continue;
      if (before !== undefined && isRecent(before, atMs) && goesOn(before.text, text)) there.set(row, { text, goneAtMs: null });
      else fresh.push([row, text]);
    }
    // Those that are not where they were may have scrolled.
    const isGone = ([row, known]: [number, Known]) => row >= from && row <= to && !there.has(row) && isRecent(known, atMs);
    const moved = [...rows].filter(isGone).map(([, { text }]) => text);
    for (const [row, text] of fresh) {
      there.set(row, { text, goneAtMs: null });
      const at = moved.indexOf(text);
      if (at !== -1) moved.splice(at, 1);
      else this.hits.push({ seq: event.seq, atMs, line: this.shown(text), onScreen: row >= buffer.baseY });
    }
    for (const [row, known] of rows) {
      if (row < from || row > to || there.has(row)) continue;
      known.goneAtMs ??= atMs;
      if (!isRecent(known, atMs)) rows.delete(row);
    }
    for (const [row, known] of there) rows.set(row, known);
  }

  private screenOf(buffer: IBuffer): KnownScreen {
    const rows = new Map<number, Known>();
    for (let row = buffer.baseY; row < buffer.length; row += 1) {
      const text = this.matchAt(buffer, row);
      if (text !== null) rows.set(row, { text, goneAtMs: null });
    }
    return { rows, top: buffer.baseY };
  }

  /** The row's text and what it was wrapped into, where the text that is looked for begins in it; otherwise null. */
  private matchAt(buffer: IBuffer, row: number): string | null {
    const line = buffer.getLine(row);
    if (line === undefined) return null;
    let next = buffer.getLine(row + 1);
    let text = rowText(line, next);
    const own = text.length;
    for (let at = row + 1; next?.isWrapped && text.length < own + this.needle.length; at += 1) {
      const after = buffer.getLine(at + 1);
      text += rowText(next, after);
      next = after;
    }
    const at = text.toLowerCase().indexOf(this.needle);
    return at === -1 || at >= own ? null : text;
  }

  private shown(text: string): string {
    const from = Math.max(0, text.toLowerCase().indexOf(this.needle) - SHOWN_BEFORE);
    return text.slice(from, from + LINE_SHOWN).trim();
  }
}

function newScreen(): KnownScreen {
  return { rows: new Map(), top: 0 };
}

function scrollbackOf(cols: number): number {
  return Math.min(SCROLLBACK_MOST_LINES, Math.max(SCROLLBACK_LEAST_LINES, Math.floor(SCROLLBACK_CELLS / cols)));
}

function forgetScrollback(terminal: Terminal): void {
  terminal.options.scrollback = 0;
  terminal.options.scrollback = scrollbackOf(terminal.cols);
}

/** No more than can push lines out of the screen while those before are still there: a quarter of them may be. */
const pieceOf = (cols: number) => Math.floor((scrollbackOf(cols) * 2) / 3);

const cursorRowOf = (buffer: IBuffer) => buffer.baseY + buffer.cursorY;

const isRecent = ({ goneAtMs }: Known, atMs: number) => goneAtMs === null || atMs - goneAtMs < REPAINTED_WITHIN_MS;

function rowText(line: IBufferLine, next: IBufferLine | undefined): string {
  if (next?.isWrapped !== true) return line.translateToString(true);
  // A wide character that had no room at the end of the row leaves a cell empty there.
  const isCut = next.getCell(0)?.getWidth() === 2 && line.getCell(line.length - 1)?.getChars() === '';
  return line.translateToString(false, 0, isCut ? line.length - 1 : line.length);
}

/** Whether a row's text came of the one before by writing on, deleting or counting: its letters differ in one place, and by more or fewer alone. */
function goesOn(before: string, after: string): boolean {
  if (before === after) return true;
  const [a, b] = [before, after].map((text) => text.replace(/[^\p{L}]+/gu, '')) as [string, string];
  const shorter = Math.min(a.length, b.length);
  let start = 0;
  while (start < shorter && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < shorter - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  return start + end === shorter;
}
