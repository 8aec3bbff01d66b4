import type { AppError } from '@plumbline/core';
import type { BrowserToGateway, GatewayToBrowser, TerminalInfo } from '@plumbline/protocol';
import type { Ask } from './ask.ts';
import type { FilePlace } from './filePlaces.ts';
import type { TerminalView } from './terminalView.ts';

/** The screens of an attempt's terminals in this tab: made at first use, kept until their terminal is closed. */

export interface SessionTerminalsOptions {
  readonly newView: () => TerminalView;
  readonly ask: Ask;
  readonly send: (message: BrowserToGateway) => void;
  /** The terminals as the gateway told them last. */
  readonly list: () => readonly TerminalInfo[];
  readonly canType: () => boolean;
  /** Whether a size may be asked for now. */
  readonly isRunning: () => boolean;
  readonly onInput: (terminal: number, bytes: Uint8Array) => void;
  readonly onPaste: (target: string, text: string, prevent: () => void) => void;
  readonly onCopy: (target: string, text: string) => void;
  readonly onLink: (url: string) => void;
  readonly onPlace: (place: FilePlace) => void;
  readonly onRefused: (text: string) => void;
}

export class SessionTerminals {
  private readonly options: SessionTerminalsOptions;
  private readonly views = new Map<number, TerminalView>();
  /** What was asked for last, so that each layout does not ask again. */
  private readonly lastSize = new Map<number, string>();
  /** Of each terminal that was ever shown, what it had put out when this tab heard of it last. */
  private readonly putOutBytes = new Map<number, number>();

  constructor(options: SessionTerminalsOptions) {
    this.options = options;
  }

  /** What all terminals have put out, as far as this tab was told. */
  get outputBytes(): number {
    return [...this.putOutBytes.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** The screen of a terminal. */
  view(terminal: number): TerminalView {
    const known = this.views.get(terminal);
    if (known) return known;
    const { newView, send, list, canType, onInput, onPaste, onCopy, onLink, onPlace } = this.options;
    const view = newView();
    this.views.set(terminal, view);
    view.input.on((bytes) => onInput(terminal, bytes));
    view.clipboard.paste.on((paste) => onPaste(`terminal:${terminal}`, paste.text, paste.prevent));
    view.linkClicked.on(onLink);
    view.placeClicked.on(onPlace);
    view.clipboard.copy.on((text) => onCopy(`terminal:${terminal}`, text));
    view.sizeWanted.on((size) => this.resize(terminal, size));
    view.credit.on((drawnBytes) => send({ t: 'credit', terminal, drawnBytes }));
    view.gap.on(() => send({ t: 'attach', terminal }));
    const info = list().find((candidate) => candidate.terminal === terminal);
    if (info) view.resizedTo(info.cols, info.rows);
    view.setSizeOwner(document.hasFocus());
    view.setTyping(canType());
    // Nothing is left of a closed one that could be shown.
    if (info?.open !== false) send({ t: 'attach', terminal });
    return view;
  }

  /** Asks for the screens of all that are open. */
  attachAll(): void {
    this.lastSize.clear();
    // While the sandbox is away its terminals may not be listed, and their screens stay.
    for (const { terminal, open } of this.options.list()) if (!open) this.drop(terminal);
    for (const terminal of this.views.keys()) this.options.send({ t: 'attach', terminal });
  }

  restore(message: Extract<GatewayToBrowser, { t: 'restore' }>): void {
    this.putOutBytes.set(message.terminal, message.offset);
    this.views.get(message.terminal)?.restore(message);
  }

  output(frame: { terminal: number; offset: number; bytes: Uint8Array }): void {
    this.putOutBytes.set(frame.terminal, frame.offset + frame.bytes.length);
    this.views.get(frame.terminal)?.output(frame.offset, frame.bytes);
  }

  /** The gateway tells which terminals there are, and their sizes. */
  listed(terminals: readonly TerminalInfo[]): void {
    // Another tab may have set another size since: what this tab asked for last says nothing any more.
    this.lastSize.clear();
    for (const info of terminals) {
      const view = this.views.get(info.terminal);
      if (view && info.open) view.resizedTo(info.cols, info.rows);
    }
    for (const terminal of [...this.views.keys()]) {
      if (!terminals.some((info) => info.terminal === terminal && info.open)) this.drop(terminal);
    }
  }

  setTyping(allowed: boolean): void {
    for (const view of this.views.values()) view.setTyping(allowed);
  }

  /** Of several tabs the one that has the focus sets the sizes. */
  setSizeOwner(owns: boolean): void {
    for (const view of this.views.values()) view.setSizeOwner(owns);
  }

  dispose(): void {
    for (const view of this.views.values()) view.dispose();
    this.views.clear();
  }

  private drop(terminal: number): void {
    this.views.get(terminal)?.dispose();
    this.views.delete(terminal);
  }

  private resize(terminal: number, size: { cols: number; rows: number }): void {
    const { list, isRunning, ask, onRefused } = this.options;
    const info = list().find((candidate) => candidate.terminal === terminal);
    const key = `${size.cols}x${size.rows}`;
    if (!info?.open || !isRunning()) return;
    if (this.lastSize.get(terminal) === key || (info.cols === size.cols && info.rows === size.rows)) return;
    this.lastSize.set(terminal, key);
    ask('terminal.resize', { terminal, ...size }).catch((error: AppError) => {
      // Away or paused: the size is sent again with the next layout.
      this.lastSize.delete(terminal);
      if (error.code === 'invalid_input') onRefused(error.message);
    });
  }
}
