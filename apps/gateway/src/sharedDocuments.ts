import { createHash } from 'node:crypto';
import type { GatewayToBrowser, RequestResult } from '@plumbline/protocol';

type Want = 'edit' | 'follow' | 'take';
type Told = Omit<Extract<GatewayToBrowser, { t: 'document' }>, 't' | 'path'>;

/** A tab that is reloaded, or whose network changes, is back by then; one that is gone leaves what it edited to the others. */
const EDITOR_AWAY_MAX_MS = 10_000;
/** Beyond these a file can still be edited, and no other tab is told of it. */
const DOCUMENTS_MAX = 500;
const TEXT_MAX_CHARS = 16 * 1024 * 1024;
/** Of one file, the last texts that passed from a tab to another; a browser that comes back has one of them. */
const TAKEN_OVER_MAX = 32;

const ALONE: Told = { editing: true, text: null, baseHash: null, from: null };

interface Unsaved {
  text: string;
  baseHash: string | null;
  from: string;
  /** Its hash is among those that were taken over: a long text takes a while, and tabs can take a file from each other all the time. */
  isNoted?: boolean;
}

interface SharedDocument {
  editor: string | null;
  /** The tabs that have it open, in the order of their coming. */
  tabs: Set<string>;
  /** What is not saved, what it started from, and which tab wrote it; null where the file on disk is all there is. */
  unsaved: Unsaved | null;
}

/** How the documents reach the attempt's tabs. */
export interface DocumentTabs {
  isConnected(tab: string): boolean;
  tell(tab: string, message: Extract<GatewayToBrowser, { t: 'document' }>): void;
  later(delayMs: number, call: () => void): void;
}

/**
 * The files that an attempt's tabs have open: one tab edits a file, the others follow what it has not saved yet. Lost with the
 * gateway; each tab then opens its files anew, the one that edited says its text again, and those that followed what they show.
 */
export class SharedDocuments {
  readonly #documents = new Map<string, SharedDocument>();
  /** Of each path, the hashes of texts that another tab took over from the one that wrote them. */
  readonly #takenOver = new Map<string, string[]>();
  readonly #tabs: DocumentTabs;

  constructor(tabs: DocumentTabs) {
    this.#tabs = tabs;
  }

  /** A tab opens a file, comes back to it, or takes it over. Who edits it from now on, and what is not saved of it. */
  open(tab: string, path: string, want: Want, followed?: Unsaved): RequestResult<'document.open'> {
    // A tab asks over its own connection: one without is made up, and nothing would ever end what is kept of it.
    if (!this.#tabs.isConnected(tab)) return ALONE;
    let document = this.#documents.get(path);
    if (document === undefined) {
      if (this.#documents.size >= DOCUMENTS_MAX) return ALONE;
      document = { editor: null, tabs: new Set(), unsaved: null };
      this.#documents.set(path, document);
    }
    document.tabs.add(tab);
    const { editor } = document;
    if (editor === null && document.unsaved === null && followed) this.#store(document, followed);
    const isFree = editor === null || !this.#tabs.isConnected(editor);
    if (want === 'take' || (want === 'edit' && isFree)) this.#give(document, path, tab);
    if (editor !== null && document.editor !== editor) this.#tell(editor, path, document);
    // The one that edited may be on its way back as well, to a gateway that was started just now.
    if (document.editor === null) this.#tabs.later(EDITOR_AWAY_MAX_MS, () => this.#handOver(path));
    const takenOver = this.#takenOver.get(path);
    return { ...this.#toldTo(tab, document), ...(takenOver ? { takenOver } : {}) };
  }

  /** What the tab that edits a file has not saved of it; null once it has saved everything. Says whether it is the one that edits. */
  keep(tab: string, path: string, text: string | null, baseHash: string | null): boolean {
    const document = this.#documents.get(path);
    if (document === undefined || document.editor !== tab) return false;
    document.unsaved = null;
    if (text !== null) this.#store(document, { text, baseHash, from: tab });
    for (const other of document.tabs) if (other !== tab) this.#tell(other, path, document);
    return true;
  }

  /** The files of which something is not saved, and whether a tab that is there edits them. */
  unsaved(): RequestResult<'document.unsaved'>['documents'] {
    return [...this.#documents]
      .filter(([, { unsaved }]) => unsaved !== null)
      .map(([path, { editor }]) => ({ path, edited: editor !== null && this.#tabs.isConnected(editor) }));
  }

  /** A path moved, with all that is below it: who edits what, and what is not saved, stays so under the new path. */
  renamed(from: string, to: string): void {
    for (const [path, document] of [...this.#documents]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      const target = to + path.slice(from.length);
      this.#documents.delete(path);
      // A tab that heard of it first says by itself what it has under the new path.
      if (!this.#documents.has(target)) this.#documents.set(target, document);
    }
  }

  /** A tab closed a file: what it did not save of it is given up. */
  close(tab: string, path: string): void {
    const document = this.#documents.get(path);
    if (document === undefined) return;
    if (document.editor === tab) document.unsaved = null;
    this.#leave(tab, path, document);
  }

  /** A tab's connection ended. If the tab does not come back, others may edit what it edited, and its unsaved text is theirs. */
  disconnected(tab: string): void {
    this.#tabs.later(EDITOR_AWAY_MAX_MS, () => {
      if (this.#tabs.isConnected(tab)) return;
      for (const [path, document] of this.#documents) this.#leave(tab, path, document);
    });
  }

  #leave(tab: string, path: string, document: SharedDocument): void {
    document.tabs.delete(tab);
    if (document.editor === tab) {
      document.editor = null;
      this.#handOver(path);
    }
    if (document.tabs.size === 0 && document.unsaved === null) this.#documents.delete(path);
  }

  /** A file that nobody edits goes to the first tab that has it open. */
  #handOver(path: string): void {
    const document = this.#documents.get(path);
    if (document === undefined || document.editor !== null) return;
    const next = [...document.tabs].find((tab) => this.#tabs.isConnected(tab));
    if (next === undefined) return;
    this.#give(document, path, next);
    this.#tell(next, path, document);
  }

  /** A tab edits the file from now on, and what another one had not saved of it is its own. */
  #give(document: SharedDocument, path: string, tab: string): void {
    document.editor = tab;
    const { unsaved } = document;
    if (unsaved === null || unsaved.from === tab || unsaved.isNoted) return;
    unsaved.isNoted = true;
    const hash = createHash('sha256').update(unsaved.text).digest('hex');
    const before = (this.#takenOver.get(path) ?? []).filter((one) => one !== hash);
    this.#takenOver.delete(path);
    this.#takenOver.set(path, [...before, hash].slice(-TAKEN_OVER_MAX));
    const [oldest = path] = this.#takenOver.keys();
    if (this.#takenOver.size > DOCUMENTS_MAX) this.#takenOver.delete(oldest);
  }

  #store(document: SharedDocument, unsaved: Unsaved): void {
    if (unsaved.text.length + this.#keptChars() <= TEXT_MAX_CHARS) document.unsaved = { ...unsaved };
  }

  #toldTo(tab: string, { editor, unsaved }: SharedDocument): Told {
    return { editing: editor === tab, text: unsaved?.text ?? null, baseHash: unsaved?.baseHash ?? null, from: unsaved?.from ?? null };
  }

  #tell(tab: string, path: string, document: SharedDocument): void {
    this.#tabs.tell(tab, { t: 'document', path, ...this.#toldTo(tab, document) });
  }

  #keptChars(): number {
    let chars = 0;
    for (const { unsaved } of this.#documents.values()) chars += unsaved?.text.length ?? 0;
    return chars;
  }
}
