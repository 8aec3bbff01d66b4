import type { RequestResult } from '@plumbline/protocol';
import type { Ask } from './ask.ts';
import type { BrowserTime } from './browserTime.ts';
import { exceedsFrame, type Unsaved } from './openFile.ts';

/** Who edits a file, and what is not saved of it. */
export type Shared = RequestResult<'document.open'>;

/** Unsaved text reaches the other tabs so soon after the last key; a long one, which takes a while to send, later. */
const SHARE_AFTER_MS = 300;
const SHARE_CHARS_PER_MS = 2_000;

/**
 * Tells the gateway which files this tab has open and what it has not saved of them, so that of two tabs one edits a file and
 * the other shows it. Where the gateway does not answer, the tab edits: a save still names the text that it started from.
 */
export class DocumentShare {
  private readonly tab: string;
  private readonly ask: Ask;
  private readonly time: BrowserTime;
  private readonly waiting = new Map<string, { cancel: () => void; send: () => void }>();
  /** The files of which the gateway holds unsaved text of this tab. */
  private readonly kept = new Set<string>();

  constructor(options: { tab: string; ask: Ask; time: BrowserTime }) {
    this.tab = options.tab;
    this.ask = options.ask;
    this.time = options.time;
  }

  /** `followed` is what this tab shows of another one, for a gateway that knows of neither. */
  async open(path: string, want: 'edit' | 'follow' | 'take', followed: Unsaved | null = null): Promise<Shared> {
    try {
      return await this.ask('document.open', { tab: this.tab, path, want, ...(followed ? { followed } : {}) });
    } catch {
      return { editing: want === 'edit', text: null, baseHash: null, from: null };
    }
  }

  /** The files whose unsaved text a tab left that is gone; none where the gateway does not say. */
  async leftUnsaved(): Promise<string[]> {
    const { documents } = await this.ask('document.unsaved', {}).catch(() => ({ documents: [] }));
    return documents.filter(({ edited }) => !edited).map(({ path }) => path);
  }

  /** Sends what is not saved, as it is once nothing was typed for a moment. `chars` is about how much it is; null for nothing. */
  keepSoon(path: string, chars: number | null, unsaved: () => { text: string; baseHash: string | null } | null): void {
    this.cancel(path);
    if (chars === null && !this.kept.has(path)) return;
    const delayMs = chars === null ? 0 : SHARE_AFTER_MS + chars / SHARE_CHARS_PER_MS;
    const send = () => {
      this.waiting.delete(path);
      void this.keep(path, unsaved());
    };
    this.waiting.set(path, { cancel: this.time.after(delayMs, send), send });
  }

  /** Sends at once what waits. */
  flush(): void {
    for (const { cancel, send } of [...this.waiting.values()]) {
      cancel();
      send();
    }
  }

  close(path: string): void {
    this.cancel(path);
    this.kept.delete(path);
    void this.ask('document.close', { tab: this.tab, path }).catch(() => {});
  }

  /** Sends nothing more: the tab that takes over has what was sent. */
  cancel(path: string): void {
    this.waiting.get(path)?.cancel();
    this.waiting.delete(path);
  }

  dispose(): void {
    for (const path of [...this.waiting.keys()]) this.cancel(path);
  }

  private async keep(path: string, unsaved: { text: string; baseHash: string | null } | null): Promise<void> {
    const sent = unsaved && !exceedsFrame(unsaved.text) ? unsaved : null;
    if (sent) this.kept.add(path);
    else this.kept.delete(path);
    // What does not arrive is said again when the connection is back.
    await this.ask('document.keep', { tab: this.tab, path, text: sent?.text ?? null, baseHash: sent?.baseHash ?? null }).catch(() => {});
  }
}
