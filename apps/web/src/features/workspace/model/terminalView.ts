import '@xterm/xterm/css/xterm.css';
import './terminalView.css';
import { mendTerminal, VIEWER_CREDIT_BYTES } from '@plumbline/protocol';
import { FitAddon } from '@xterm/addon-fit';
import { Unicode11Addon } from '@xterm/addon-unicode11';
import { WebLinksAddon } from '@xterm/addon-web-links';
import { WebglAddon } from '@xterm/addon-webgl';
import { Terminal } from '@xterm/xterm';
import { cellSize } from './cellSize.ts';
import type { FilePlace } from './filePlaces.ts';
import { joinedCharacters } from './joinedCharacters.ts';
import { Signal } from './signal.ts';
import { TerminalClipboard } from './terminalClipboard.ts';
import { TerminalFinder } from './terminalFinder.ts';
import { TERMINAL_FONT_FAMILY, terminalFont } from './terminalFont.ts';
import { isForProgram } from './terminalKeys.ts';
import { placeLinks } from './terminalPlaces.ts';
import { OutputCursor, swallowQueries } from './terminalStream.ts';
import { isDark, terminalTheme, watchTheme } from './terminalTheme.ts';

/**
 * One terminal's screen, outside React: it keeps its state while components come and go, and opens only in a host that
 * has a size, with its font. It draws bytes at the size that the sandbox has; it never answers the program, only the person does.
 */

export interface TerminalViewOptions {
  /** A viewer neither types nor sizes. */
  readOnly: boolean;
  renderer: 'dom' | 'webgl';
  screenReader: boolean;
  /** Asked at each selection. */
  copiesOnSelection: () => boolean;
}

const FONT_SIZE_PX = 13;
const SMALLEST_FONT_PX = 6;
const SCROLLBACK_LINES = 10_000;
/** A replay's screens begin nearly without history at each jump, and each line that is kept is memory that every jump throws away. */
const VIEWER_SCROLLBACK_LINES = 300;
/** What xterm.js keeps free beside the screen where there is a history. */
const SCROLLBAR_PX = 14;
/** Synchronised output: what comes between them is drawn at once, and not as it is taken in. */
const TOGETHER = new TextEncoder().encode('\x1b[?2026h');
const TOGETHER_END = new TextEncoder().encode('\x1b[?2026l');
/** A full reset, sent through the stream so that it takes its turn after what is still to be drawn. */
const RESET = new Uint8Array([0x1b, 0x63]);

function isWebAddress(url: string): boolean {
  return /^https?:\/\//i.test(url);
}

export class TerminalView {
  /** What the person typed or pasted, as the bytes for the program. */
  readonly input = new Signal<Uint8Array>();
  /** The host's size allows this many cells; emitted only while this view owns the size. */
  readonly sizeWanted = new Signal<{ cols: number; rows: number }>();
  /** Bytes drawn since the last restore, each time enough came together. */
  readonly credit = new Signal<number>();
  /** Output before this is missing: the screen must be restored. */
  readonly gap = new Signal<void>();
  readonly focused = new Signal<void>();
  /** A screen that was restored is on the page. */
  readonly drawn = new Signal<void>();
  /** A link was clicked: whoever listens asks before it is followed. */
  readonly linkClicked = new Signal<string>();
  /** A place in a file was clicked with Ctrl or Cmd held. */
  readonly placeClicked = new Signal<FilePlace>();
  readonly clipboard: TerminalClipboard;
  readonly finder: TerminalFinder;

  private readonly options: TerminalViewOptions;
  private readonly terminal: Terminal;
  private readonly fit = new FitAddon();
  private readonly root: HTMLDivElement;
  private readonly cursor = new OutputCursor();
  private readonly encoder = new TextEncoder();
  private readonly cleanups: (() => void)[] = [];
  private host: HTMLElement | null = null;
  /** The host's inside in CSS pixels. */
  private room = { width: 0, height: 0 };
  private observer: ResizeObserver | null = null;
  private hasFont = false;
  private opened = false;
  private disposed = false;
  private ownsSize = false;
  private restores = 0;
  private restored = false;
  private drawnBytes = 0;
  private creditedBytes = 0;

  constructor(options: TerminalViewOptions) {
    this.options = options;
    this.root = document.createElement('div');
    this.root.className = 'h-full w-full overflow-hidden';
    this.terminal = new Terminal({
      allowProposedApi: true,
      cols: 80,
      rows: 24,
      disableStdin: options.readOnly,
      fontFamily: TERMINAL_FONT_FAMILY,
      fontSize: FONT_SIZE_PX,
      scrollback: options.readOnly ? VIEWER_SCROLLBACK_LINES : SCROLLBACK_LINES,
      screenReaderMode: options.screenReader,
      macOptionIsMeta: true,
      linkHandler: { activate: (_event, url) => this.follow(url), allowNonHttpProtocols: false },
    });
    this.clipboard = new TerminalClipboard(this.terminal);
    this.finder = new TerminalFinder(this.terminal);
    mendTerminal(this.terminal);
    this.terminal.loadAddon(new Unicode11Addon());
    this.terminal.unicode.activeVersion = '11';
    this.terminal.loadAddon(this.fit);
    this.terminal.loadAddon(new WebLinksAddon((_event, url) => this.follow(url)));
    this.cleanups.push(swallowQueries(this.terminal));
    this.paint(isDark());
    this.cleanups.push(watchTheme((dark) => this.paint(dark)));
    if (!options.readOnly) this.listenForInput();
    void terminalFont().then(() => {
      this.hasFont = true;
      this.layout();
    });
  }

  /** Also what the screen does not fill, up to the margin around it. */
  private paint(dark: boolean): void {
    const theme = terminalTheme(dark);
    this.terminal.options.theme = theme;
    this.root.style.background = theme.background ?? '';
    this.root.style.outline = `4px solid ${theme.background}`;
  }

  /** Draws in this element from now on, which may be a new one after a component came back. */
  attach(host: HTMLElement): void {
    if (this.disposed) return;
    this.detach();
    this.host = host;
    host.appendChild(this.root);
    this.observer = new ResizeObserver(() => this.layoutIn(host));
    this.observer.observe(host);
    this.layoutIn(host);
  }

  /** Leaves the element; the screen's state stays. */
  detach(): void {
    this.observer?.disconnect();
    this.observer = null;
    this.host = null;
    this.root.remove();
  }

  dispose(): void {
    if (this.disposed) return;
    this.detach();
    // The clipboard may be asked still, and would paste what it says.
    this.setTyping(false);
    this.disposed = true;
    for (const cleanup of this.cleanups) cleanup();
    this.terminal.dispose();
  }

  /** Whether this view sets the terminal's size; otherwise it draws the size it is told, letterboxed. */
  setSizeOwner(owns: boolean): void {
    if (this.options.readOnly || this.ownsSize === owns) return;
    this.ownsSize = owns;
    this.layout();
  }

  /** Whether typing is taken: the reason for a refusal is shown by the component. */
  setTyping(allowed: boolean): void {
    if (!this.disposed) this.terminal.options.disableStdin = this.options.readOnly || !allowed;
  }

  /** The sandbox's size of this terminal. A viewer takes it in its turn, after the output that came before. */
  resizedTo(cols: number, rows: number): void {
    if (this.disposed) return;
    if (this.options.readOnly) {
      this.terminal.write(new Uint8Array(0), () => {
        if (this.disposed || (cols === this.terminal.cols && rows === this.terminal.rows)) return;
        this.terminal.resize(cols, rows);
        this.layout();
      });
      return;
    }
    if (cols === this.terminal.cols && rows === this.terminal.rows) return;
    // A size owner drew its wish already; a smaller word on the way here is about an earlier one.
    if (this.ownsSize && this.isMeasurable()) return;
    this.terminal.resize(cols, rows);
    this.layout();
  }

  /**
   * Takes a whole screen that holds `offset` bytes of output; what follows continues there, and whoever reads further up stays as many
   * lines above its end. What `follow` gives out after it is a part of the picture: it is drawn once, with all of it.
   */
  restore(screen: { cols: number; rows: number; offset: number; screen: string }, follow = () => {}): void {
    if (this.disposed) return;
    // Nothing is drawn before it is opened: it begins with the size that it will have, and so with its letters' size.
    if (!this.opened && this.restores === 0) this.terminal.resize(screen.cols, screen.rows);
    this.restores += 1;
    this.restored = true;
    this.cursor.restoreAt(screen.offset);
    this.drawnBytes = 0;
    this.creditedBytes = 0;
    let linesBack = 0;
    this.terminal.write(new Uint8Array(0), () => {
      if (!this.disposed && !this.options.readOnly) linesBack = this.linesBack;
    });
    this.terminal.write(RESET, () => {
      if (this.disposed) return;
      if (screen.cols !== this.terminal.cols || screen.rows !== this.terminal.rows) this.terminal.resize(screen.cols, screen.rows);
    });
    this.terminal.write(TOGETHER);
    // Bytes, not text: half a character that an earlier frame ended with must not join with what comes now.
    const restore = this.restores;
    this.terminal.write(this.encoder.encode(screen.screen), () => {
      this.layout();
      if (this.disposed) return;
      // Also where the next one is on its way, which finds it there.
      if (linesBack > 0) this.terminal.scrollToLine(Math.max(0, this.terminal.buffer.active.baseY - linesBack));
      if (restore === this.restores) this.tellDrawn();
    });
    follow();
    this.terminal.write(TOGETHER_END);
  }

  /** Output of the program that starts after `offset` bytes. Before the first restore it is passed over. */
  output(offset: number, bytes: Uint8Array): void {
    if (this.disposed || !this.restored) return;
    const fresh = this.cursor.take(offset, bytes);
    if (fresh === 'gap') {
      this.restored = false;
      this.gap.emit();
      return;
    }
    const restore = this.restores;
    this.terminal.write(fresh ?? new Uint8Array(0), () => {
      if (restore !== this.restores || this.disposed) return;
      // All of the frame counts, also what was known: the gateway counts what it sent.
      this.drawnBytes += bytes.length;
      if (this.drawnBytes - this.creditedBytes < VIEWER_CREDIT_BYTES) return;
      this.creditedBytes = this.drawnBytes;
      this.credit.emit(this.drawnBytes);
    });
  }

  focus(): void {
    if (this.opened && !this.disposed) this.terminal.focus();
  }

  /** Marks the lowest place that has the text, and scrolls to it: in its turn, once what was given before is drawn. */
  reveal(text: string): void {
    if (this.disposed) return;
    this.terminal.write(new Uint8Array(0), () => {
      if (!this.disposed) this.finder.reveal(text);
    });
  }

  get hasSelection(): boolean {
    return this.terminal.hasSelection();
  }

  /** Whether the program takes clicks, as `tmux` and `htop` do. */
  get takesClicks(): boolean {
    return this.terminal.modes.mouseTrackingMode !== 'none';
  }

  selectAll(): void {
    this.terminal.selectAll();
  }

  /** Leaves the line with the cursor alone, on this page: the sandbox and the recording keep what there was. */
  clear(): void {
    // A program that has the whole screen would not draw it again.
    if (this.terminal.buffer.active.type === 'normal') this.terminal.clear();
  }

  /** The size in cells that the host would take; null while it has none. */
  wantedSize(): { cols: number; rows: number } | null {
    if (!this.opened || !this.isMeasurable()) return null;
    const proposed = this.fit.proposeDimensions();
    if (!proposed || !Number.isFinite(proposed.cols) || !Number.isFinite(proposed.rows)) return null;
    return { cols: Math.max(2, Math.min(1000, proposed.cols)), rows: Math.max(1, Math.min(1000, proposed.rows)) };
  }

  private isMeasurable(): boolean {
    return this.host !== null && this.room.width > 0 && this.room.height > 0;
  }

  /** Asking the page for it later, after rows have changed, would have all of them laid out at once. */
  private layoutIn({ clientWidth, clientHeight }: HTMLElement): void {
    this.room = { width: clientWidth, height: clientHeight };
    this.layout();
  }

  private layout(): void {
    if (this.disposed || !this.hasFont || !this.isMeasurable()) return;
    // Before it is opened: each size that it is drawn with has its letters measured one by one.
    if (!this.ownsSize) this.letterbox();
    if (!this.opened) this.open();
    if (this.ownsSize) {
      if (this.terminal.options.fontSize !== FONT_SIZE_PX) this.terminal.options.fontSize = FONT_SIZE_PX;
      const wanted = this.wantedSize();
      if (!wanted) return;
      if (wanted.cols !== this.terminal.cols || wanted.rows !== this.terminal.rows) this.terminal.resize(wanted.cols, wanted.rows);
      this.sizeWanted.emit(wanted);
    }
  }

  /** A foreign size is drawn whole: with smaller letters where it does not fit. */
  private letterbox(): void {
    const { cols, rows } = this.terminal;
    const isFitting = (px: number) => {
      const cell = cellSize(TERMINAL_FONT_FAMILY, px);
      return cell.width * cols <= this.room.width - SCROLLBAR_PX && cell.height * rows <= this.room.height;
    };
    let px = FONT_SIZE_PX;
    while (px > SMALLEST_FONT_PX && !isFitting(px)) px -= 1;
    if (this.terminal.options.fontSize !== px) this.terminal.options.fontSize = px;
  }

  private tellDrawn(): void {
    const rendering = this.terminal.onRender(() => {
      rendering.dispose();
      this.drawn.emit();
    });
  }

  private open(): void {
    this.opened = true;
    this.terminal.open(this.root);
    this.terminal.registerCharacterJoiner(joinedCharacters);
    if (this.options.renderer === 'webgl') this.useWebgl();
  }

  private useWebgl(): void {
    try {
      const webgl = new WebglAddon();
      // Without its context the addon draws nothing; disposing of it brings the DOM renderer back.
      webgl.onContextLoss(() => webgl.dispose());
      this.terminal.loadAddon(webgl);
    } catch {
      // No WebGL 2 in this browser: the DOM renderer is in place already.
    }
  }

  /** How far above the last screen somebody reads; 0 in a program that has the whole screen. */
  private get linesBack(): number {
    const { baseY, viewportY } = this.terminal.buffer.active;
    return baseY - viewportY;
  }

  private follow(url: string): void {
    if (isWebAddress(url)) this.linkClicked.emit(url);
  }

  private listenForInput(): void {
    const follow = (event: MouseEvent, place: FilePlace) => {
      // A click without it chooses where one types.
      if (event.ctrlKey || event.metaKey) this.placeClicked.emit(place);
    };
    this.terminal.registerLinkProvider({
      provideLinks: (row, give) => give(placeLinks(this.terminal.buffer.active, row, follow)),
    });
    this.terminal.onData((data) => this.input.emit(this.encoder.encode(data)));
    // Mouse reports of the oldest kind are bytes, not text.
    this.terminal.onBinary((data) => this.input.emit(Uint8Array.from(data, (char) => char.charCodeAt(0) & 0xff)));
    this.terminal.attachCustomKeyEventHandler((event) => isForProgram(event, this.terminal));
    this.clipboard.listen(this.root, this.options.copiesOnSelection);
    this.root.addEventListener('focusin', () => this.focused.emit());
  }
}
