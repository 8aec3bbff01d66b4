import type { EventInput } from '@plumbline/protocol';

type EditorEvent = Extract<EventInput, { type: `editor.${string}` }>;

/** An editor sends its full text at least this often; more changes than that since are a broken page's. */
const CHANGES_KEPT = 1_000;

/**
 * What someone who joins late needs to see the participant's editor: per open file its last full text and the changes
 * since, and which file was touched last.
 */
export class EditorMirror {
  readonly #files = new Map<string, EditorEvent[]>();

  take(event: EditorEvent): void {
    const path = event.data.path;
    if (event.type === 'editor.closed') {
      this.#files.delete(path);
      return;
    }
    if (event.type === 'editor.opened' || event.type === 'editor.text') {
      this.#put(path, [event]);
      return;
    }
    const events = this.#files.get(path);
    if (events === undefined) return;
    const previous = events.at(-1);
    if (event.type === 'editor.selection' && previous?.type === 'editor.selection') events.pop();
    if (events.length < CHANGES_KEPT) events.push(event);
    this.#put(path, events);
  }

  /** The events that rebuild all open files, the one touched last at the end. */
  events(): EditorEvent[] {
    return [...this.#files.values()].flat();
  }

  #put(path: string, events: EditorEvent[]): void {
    this.#files.delete(path);
    this.#files.set(path, events);
  }
}
