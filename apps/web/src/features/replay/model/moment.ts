import type { RecordedEvent } from '@plumbline/protocol';
import type { IndexedEvents } from '@plumbline/recording/recordingIndex';
import { applyEditorEvent, documentKey, type EditorDocument, type EditorState } from './editorText.ts';
import type { MomentAnswer, ScreenAnswer } from './recordingApi.ts';
import { type TerminalState, terminalFromScreen } from './terminalState.ts';

/**
 * What was on the screen at a moment, for a jump there: of each terminal that was open its last keyframe and what followed,
 * of each document its text. Made where the recording is, so that a jump is one question and a short answer.
 */

/** Documents that are read in one pass, those first that were begun last. */
const DOCUMENTS_AT_ONCE = 50;
/** Once the texts have so many characters, older documents are left out: they show when they are next given whole. */
const TEXTS_MAX_CHARS = 32 * 1024 * 1024;

/** A document's stretch of the log. */
export interface DocumentStretch {
  fromSeq: number;
  toSeq: number;
  tab: string;
  path: string;
}

/** How the recording is read. */
export interface MomentReader {
  screen(terminal: number, atMs: number): Promise<ScreenAnswer>;
  /** The events of each document in its stretch that were there by `untilMs`, in no order, read in one pass. */
  documentEvents(stretches: readonly DocumentStretch[], untilMs: number): Promise<RecordedEvent[]>;
  /** Nobody waits for the moment any more. */
  isAbandoned(): boolean;
}

export async function momentAt(index: IndexedEvents, reader: MomentReader, atMs: number): Promise<MomentAnswer> {
  const open = index.terminals.filter(({ openedAtMs, closedAtMs }) => openedAtMs <= atMs && (closedAtMs === null || closedAtMs > atMs));
  const [screens, documents] = await Promise.all([
    Promise.all(open.map(({ terminal }) => reader.screen(terminal, atMs))),
    documentsAt(index, reader, atMs),
  ]);
  return { screens, documents };
}

async function documentsAt(index: IndexedEvents, reader: MomentReader, atMs: number): Promise<EditorDocument[]> {
  const bases = new Map<string, IndexedEvents['editorBases'][number]>();
  for (const base of index.editorBases) if (base.atMs <= atMs) bases.set(documentKey(base.tab, base.path), base);
  for (const closed of index.editorClosed) {
    const key = documentKey(closed.tab, closed.path);
    const base = bases.get(key);
    if (base && closed.atMs <= atMs && closed.seq > base.seq) bases.delete(key);
  }
  const newest = [...bases.values()].sort((a, b) => b.seq - a.seq);
  const documents = new Map<string, EditorDocument>();
  let chars = 0;
  for (let from = 0; from < newest.length && chars <= TEXTS_MAX_CHARS && !reader.isAbandoned(); from += DOCUMENTS_AT_ONCE) {
    const read = await documentsFrom(newest.slice(from, from + DOCUMENTS_AT_ONCE), reader, atMs);
    for (const [key, document] of read) {
      chars += document.text.length;
      if (chars <= TEXTS_MAX_CHARS) documents.set(key, document);
    }
  }
  return [...bases.keys()].flatMap((key) => documents.get(key) ?? []);
}

async function documentsFrom(bases: IndexedEvents['editorBases'], reader: MomentReader, atMs: number): Promise<EditorState['documents']> {
  const stretches = bases.map(({ seq, untilSeq, tab, path }) => ({ fromSeq: seq, toSeq: untilSeq, tab, path }));
  const events = await reader.documentEvents(stretches, atMs);
  events.sort((a, b) => a.atMs - b.atMs || a.seq - b.seq);
  const read = new Set(events.map(({ seq }) => seq));
  const documents = new Map<string, EditorDocument>();
  for (const { seq, tab, path, selectionBefore } of bases) {
    // A whole text leaves what was selected as it is. One that was taken out of the recording leaves nothing to build on.
    if (read.has(seq)) documents.set(documentKey(tab, path), { tab, path, text: '', version: 0, selection: selectionBefore });
  }
  let state: EditorState = { documents };
  for (const event of events) state = applyEditorEvent(state, event.type, event.data);
  return state.documents;
}

export function terminalsOf({ screens }: MomentAnswer): ReadonlyMap<number, TerminalState> {
  return new Map(
    screens.flatMap((answer) => {
      const state = terminalFromScreen(answer);
      return state ? [[state.terminal, state] as const] : [];
    }),
  );
}

export function editorsOf({ documents }: MomentAnswer): EditorState {
  return { documents: new Map(documents.map((document) => [documentKey(document.tab, document.path), document])) };
}
