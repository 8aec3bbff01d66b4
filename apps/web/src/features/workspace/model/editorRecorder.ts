import { type BrowserEventType, type EventData, isWholeTextDue } from '@plumbline/protocol';
import type { BrowserTime } from './browserTime.ts';

/**
 * Turns what happens in an editor's model into recorded events: the text when it opens, each change as a delta, the
 * whole text now and then so that a replay need not start from the beginning, and where the cursor is.
 */

export type OfferEvent = <T extends BrowserEventType>(type: T, data: EventData<T>) => void;

/** What is needed of a Monaco text model. */
export interface RecordedModel {
  getValue(): string;
  getValueLength(): number;
  getVersionId(): number;
  onDidChangeContent(
    listener: (event: {
      changes: readonly { rangeOffset: number; rangeLength: number; text: string }[];
      versionId: number;
      isFlush: boolean;
      isEolChange: boolean;
    }) => void,
  ): { dispose(): void };
}

type Change = EventData<'editor.changed'>['changes'][number];

/** Text of one event, so that it fits into a frame even when every character needs escaping. */
const EVENT_TEXT_MAX = 512 * 1024;
const EVENT_CHANGES_MAX = 5_000;
const SELECTION_EVERY_MS = 250;

/** The text up to about `end`: never between the two halves of one character. */
function cut(text: string, from: number, end: number): string {
  const last = text.charCodeAt(end - 1);
  return text.slice(from, end < text.length && last >= 0xd800 && last < 0xdc00 ? end - 1 : end);
}

/** Splits changes, which apply one after the other, into groups that each fit into one event. */
export function splitChanges(changes: readonly Change[]): Change[][] {
  const groups: Change[][] = [];
  let group: Change[] = [];
  let size = 0;
  const push = (change: Change) => {
    if (group.length > 0 && (group.length >= EVENT_CHANGES_MAX || size + change.text.length > EVENT_TEXT_MAX)) {
      groups.push(group);
      group = [];
      size = 0;
    }
    group.push(change);
    size += change.text.length;
  };
  for (const change of changes) {
    if (change.text.length <= EVENT_TEXT_MAX) {
      push(change);
      continue;
    }
    // A long insertion becomes several, each behind the one before.
    for (let at = 0; at < change.text.length; ) {
      const text = cut(change.text, at, at + EVENT_TEXT_MAX);
      push({ offset: change.offset + at, length: at === 0 ? change.length : 0, text });
      at += text.length;
    }
  }
  if (group.length > 0) groups.push(group);
  return groups;
}

export class EditorRecorder {
  private readonly tab: string;
  private readonly path: string;
  private readonly model: RecordedModel;
  private readonly offer: OfferEvent;
  private readonly time: BrowserTime;
  private readonly subscription: { dispose(): void };
  private readonly outputBytes: () => number;
  private changesSinceText = 0;
  private outputBytesAtText: number;
  private selection: { anchor: number; active: number } | null = null;
  private cancelSelection: (() => void) | null = null;
  private closed = false;

  /** Starts recording; `hash` is that of the file on disk which the text came from, `outputBytes` what all terminals have put out. */
  constructor(options: {
    tab: string;
    path: string;
    hash: string;
    model: RecordedModel;
    offer: OfferEvent;
    time: BrowserTime;
    outputBytes: () => number;
  }) {
    this.tab = options.tab;
    this.path = options.path;
    this.model = options.model;
    this.offer = options.offer;
    this.time = options.time;
    this.outputBytes = options.outputBytes;
    this.outputBytesAtText = options.outputBytes();
    const text = this.model.getValue();
    const start = cut(text, 0, EVENT_TEXT_MAX);
    this.offer('editor.opened', { tab: this.tab, path: this.path, hash: options.hash, version: this.model.getVersionId(), text: start });
    this.offerRest(text, start.length);
    this.subscription = this.model.onDidChangeContent((event) => {
      // A new line ending moves every offset without saying how.
      if (event.isFlush || event.isEolChange) {
        this.recordText();
        return;
      }
      this.offerChanges(event.changes.map((change) => ({ offset: change.rangeOffset, length: change.rangeLength, text: change.text })));
      this.changesSinceText += event.changes.length;
      const outputBytes = this.outputBytes() - this.outputBytesAtText;
      if (isWholeTextDue({ changes: this.changesSinceText, length: this.model.getValueLength(), outputBytes })) this.recordText();
    });
  }

  /** The cursor moved; recorded at most every `SELECTION_EVERY_MS`, the last place always. */
  selectionChanged(anchor: number, active: number): void {
    if (this.closed) return;
    this.selection = { anchor, active };
    this.cancelSelection ??= this.time.after(SELECTION_EVERY_MS, () => this.offerSelection());
  }

  /** The document was closed: the last event of it. */
  close(): void {
    if (this.closed) return;
    this.offerSelection();
    this.closed = true;
    this.subscription.dispose();
    this.offer('editor.closed', { tab: this.tab, path: this.path });
  }

  private offerSelection(): void {
    this.cancelSelection?.();
    this.cancelSelection = null;
    if (this.selection && !this.closed) this.offer('editor.selection', { tab: this.tab, path: this.path, ...this.selection });
    this.selection = null;
  }

  private offerChanges(changes: readonly Change[]): void {
    const version = this.model.getVersionId();
    for (const group of splitChanges(changes)) this.offer('editor.changed', { tab: this.tab, path: this.path, version, changes: group });
  }

  /** Records the whole text as it is. */
  recordText(): void {
    this.changesSinceText = 0;
    this.outputBytesAtText = this.outputBytes();
    const text = this.model.getValue();
    const version = this.model.getVersionId();
    const start = cut(text, 0, EVENT_TEXT_MAX);
    this.offer('editor.text', { tab: this.tab, path: this.path, version, text: start });
    this.offerRest(text, start.length);
  }

  /** The rest of a long text follows as insertions, each of which fits. */
  private offerRest(text: string, from: number): void {
    if (text.length > from) this.offerChanges([{ offset: from, length: 0, text: text.slice(from) }]);
  }
}
