import type { Terminal } from '@xterm/xterm';
import { Signal } from './signal.ts';

/** What a terminal's screen copies, and what is pasted into it: by keys, by the mouse, and by the page's own menu. */
export class TerminalClipboard {
  /** Before a paste reaches the terminal: `prevent` keeps it out. */
  readonly paste = new Signal<{ text: string; prevent: () => void }>();
  readonly copy = new Signal<string>();

  private readonly terminal: Terminal;

  constructor(terminal: Terminal) {
    this.terminal = terminal;
  }

  /** Tells of what the person pastes and copies in `root`. `copiesOnSelection` is asked at each selection. */
  listen(root: HTMLElement, copiesOnSelection: () => boolean): void {
    const onPaste = (event: ClipboardEvent) => {
      const text = event.clipboardData?.getData('text/plain') ?? '';
      if (text === '') return;
      this.paste.emit({
        text,
        prevent: () => {
          event.preventDefault();
          event.stopImmediatePropagation();
        },
      });
    };
    const onCopy = () => {
      const text = this.terminal.getSelection();
      if (text !== '') this.copy.emit(text);
    };
    this.terminal.onSelectionChange(() => {
      const text = this.terminal.getSelection();
      if (text === '' || !copiesOnSelection()) return;
      // Not every browser allows it without a key; then Ctrl-Shift-C is still there.
      navigator.clipboard?.writeText(text).then(
        () => this.copy.emit(text),
        () => {},
      );
    });
    root.addEventListener('paste', onPaste, { capture: true });
    root.addEventListener('copy', onCopy);
  }

  /** Copies what is selected. Rejects where the browser does not allow it. */
  async copySelection(): Promise<void> {
    const text = this.terminal.getSelection();
    if (text === '') return;
    await navigator.clipboard.writeText(text);
    this.copy.emit(text);
  }

  /** Pastes what the clipboard holds, as the key for it does. Rejects where the browser does not allow it. */
  async pasteHeld(): Promise<void> {
    const text = await navigator.clipboard.readText();
    // A terminal that is gone meanwhile takes nothing.
    if (text === '' || this.terminal.options.disableStdin) return;
    let prevented = false;
    this.paste.emit({
      text,
      prevent: () => {
        prevented = true;
      },
    });
    if (!prevented) this.terminal.paste(text);
  }
}
