import type { EventType } from '@plumbline/protocol';
import type { Recording } from '@plumbline/recording/reader';
import type { IndexedEvents } from '@plumbline/recording/recordingIndex';
import { screenPlace } from '@plumbline/recording/screenPlace';
import { type MomentReader, momentAt } from '../../replay/model/moment.ts';
import type { MomentAnswer } from '../../replay/model/recordingApi.ts';
import { screenAnswer } from './screenAnswer.ts';

const DOCUMENT_TYPES: ReadonlySet<EventType> = new Set([
  'editor.opened',
  'editor.changed',
  'editor.text',
  'editor.selection',
  'editor.closed',
]);

/** What was on the screen of an attempt at a moment, by its index and its recording; nobody waits for it once `signal` is aborted. */
export function recordedMoment(index: IndexedEvents, recording: Recording, atMs: number, signal: AbortSignal): Promise<MomentAnswer> {
  const reader: MomentReader = {
    screen: async (terminal) =>
      screenAnswer(terminal, await recording.seekTerminal(terminal, atMs, screenPlace(index, terminal, atMs)), signal),
    async documentEvents({ fromSeq, toSeq, untilMs, tab, path }) {
      // A border of times is not part of the range, and events at the moment itself are.
      const range = { fromSeq, toSeq, toMs: untilMs + 1, types: DOCUMENT_TYPES };
      const events = [];
      for await (const event of recording.events(range)) {
        const data = event.data as { tab?: string; path?: string };
        if (data.tab === tab && data.path === path) events.push(event);
      }
      return events;
    },
  };
  return momentAt(index, reader, atMs);
}
