import type { RecordedEvent } from '@plumbline/protocol';
import type { IndexedEvents } from '@plumbline/recording/recordingIndex';
import { applyEditorEvent, documentKey, type EditorState } from './editorText.ts';
import type { MomentAnswer, ScreenAnswer } from './recordingApi.ts';
import { type TerminalState, terminalFromScreen } from './terminalState.ts';

/**
 * What was on the screen at a moment, for a jump there: of each terminal that was open its last keyframe and what followed,
 * of each document its text. Made where the recording is, so that a jump is one question and a short answer.
 */

/** How the recording is read; of a stretch of the log never more than what was there by `untilMs`. */
export interface MomentReader {
  screen(terminal: number, atMs: number): Promise<ScreenAnswer>;
  documentEvents(stretch: { fromSeq: number; toSeq: number; untilMs: number; tab: string; path: string }): Promise<RecordedEvent[]>;
}

export async function momentAt(index: IndexedEvents, reader: MomentReader, atMs: number): Promise<MomentAnswer> {
  const open = index.terminals.filter(({ openedAtMs, closedAtMs }) => openedAtMs <= atMs && (closedAtMs === null || closedAtMs > atMs));
  const [screens, editors] = await Promise.all([
    Promise.all(open.map(({ terminal }) => reader.screen(terminal, atMs))),
    editorsAt(index, reader, atMs),
  ]);
  return { screens, documents: [...editors.documents.values()] };
}

async function editorsAt(index: IndexedEvents, reader: MomentReader, atMs: number): Promise<EditorState> {
  const bases = new Map<string, IndexedEvents['editorBases'][number]>();
  for (const base of index.editorBases) if (base.atMs <= atMs) bases.set(documentKey(base.tab, base.path), base);
  for (const closed of index.editorClosed) {
    const key = documentKey(closed.tab, closed.path);
    const base = bases.get(key);
    if (base && closed.atMs <= atMs && closed.seq > base.seq) bases.delete(key);
  }
  const stretches = await Promise.all(
    [...bases].map(async ([key, { seq, untilSeq, tab, path, selectionBefore }]) => {
      const events = await reader.documentEvents({ fromSeq: seq, toSeq: untilSeq, untilMs: atMs, tab, path });
      // A whole text leaves what was selected as it is. One that was taken out of the recording leaves nothing to build on.
      const before = events.some((event) => event.seq === seq) ? { tab, path, text: '', version: 0, selection: selectionBefore } : null;
      return { key, before, events };
    }),
  );
  const events = stretches.flatMap((stretch) => stretch.events).sort((a, b) => a.atMs - b.atMs || a.seq - b.seq);
  let state: EditorState = {
    documents: new Map(stretches.flatMap(({ key, before }) => (before === null ? [] : [[key, before] as const]))),
  };
  for (const event of events) if (event.atMs <= atMs) state = applyEditorEvent(state, event.type, event.data);
  return state;
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
