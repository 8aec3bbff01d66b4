import type { EventData, EventType } from '@plumbline/protocol';

/** What an editor showed, rebuilt from its events: a fold over `editor.*`, used by the replay and by those who watch. */

export interface EditorDocument {
  tab: string;
  path: string;
  text: string;
  version: number;
  selection: { anchor: number; active: number } | null;
}

export interface EditorState {
  documents: ReadonlyMap<string, EditorDocument>;
}

export const NO_EDITORS: EditorState = { documents: new Map() };

export function documentKey(tab: string, path: string): string {
  return `${tab} ${path}`;
}

/** The text after changes that apply one after the other. A change outside of the text is clamped, never thrown. */
export function applyChanges(text: string, changes: EventData<'editor.changed'>['changes']): string {
  let result = text;
  for (const { offset, length, text: inserted } of changes) result = result.slice(0, offset) + inserted + result.slice(offset + length);
  return result;
}

/**
 * The state after one more event; the same state for events of other channels. Changes to a document whose text is not
 * known are passed over until a whole text comes.
 */
export function applyEditorEvent(state: EditorState, type: EventType, data: unknown): EditorState {
  switch (type) {
    case 'editor.opened':
    case 'editor.text': {
      const { tab, path, text, version } = data as EventData<'editor.text'>;
      const known = state.documents.get(documentKey(tab, path));
      return put(state, { tab, path, text, version, selection: known?.selection ?? null });
    }
    case 'editor.changed': {
      const { tab, path, version, changes } = data as EventData<'editor.changed'>;
      const known = state.documents.get(documentKey(tab, path));
      return known ? put(state, { ...known, version, text: applyChanges(known.text, changes) }) : state;
    }
    case 'editor.selection': {
      const { tab, path, anchor, active } = data as EventData<'editor.selection'>;
      const known = state.documents.get(documentKey(tab, path));
      return known ? put(state, { ...known, selection: { anchor, active } }) : state;
    }
    case 'editor.closed': {
      const { tab, path } = data as EventData<'editor.closed'>;
      const key = documentKey(tab, path);
      if (!state.documents.has(key)) return state;
      const documents = new Map(state.documents);
      documents.delete(key);
      return { documents };
    }
    default:
      return state;
  }
}

function put(state: EditorState, document: EditorDocument): EditorState {
  return { documents: new Map(state.documents).set(documentKey(document.tab, document.path), document) };
}
