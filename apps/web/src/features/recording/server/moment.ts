import type { EventType, RecordedEvent } from '@plumbline/protocol';
import type { Recording } from '@plumbline/recording/reader';
import type { IndexedEvents } from '@plumbline/recording/recordingIndex';
import { screenPlace } from '@plumbline/recording/screenPlace';
import { documentKey } from '../../replay/model/editorText.ts';
import { type DocumentStretch, type MomentReader, momentAt } from '../../replay/model/moment.ts';
import type { MomentAnswer } from '../../replay/model/recordingApi.ts';
import { screenAnswer } from './screenAnswer.ts';

const DOCUMENT_TYPES: ReadonlySet<EventType> = new Set([
  'editor.opened',
  'editor.changed',
  'editor.text',
  'editor.selection',
  'editor.closed',
]);

/** A segment has thousands of events and is opened whole: what lies nearer is read along. */
const NEAR_EVENTS = 1_000;

/** What was on the screen of an attempt at a moment, by its index and its recording; nobody waits for it once `signal` is aborted. */
export function recordedMoment(
  index: IndexedEvents,
  recording: Pick<Recording, 'events' | 'seekTerminal'>,
  atMs: number,
  signal: AbortSignal,
): Promise<MomentAnswer> {
  const reader: MomentReader = {
    screen: async (terminal) => screenAnswer(terminal, recording.seekTerminal(terminal, atMs, screenPlace(index, terminal, atMs)), signal),
    async documentEvents(stretches, untilMs) {
      const byDocument = new Map(stretches.map((stretch) => [documentKey(stretch.tab, stretch.path), stretch]));
      const events: RecordedEvent[] = [];
      for (const { fromSeq, toSeq } of runsOf(stretches)) {
        // A border of times is not part of the range, and events at the moment itself are.
        for await (const event of recording.events({ fromSeq, toSeq, toMs: untilMs + 1, types: DOCUMENT_TYPES })) {
          if (signal.aborted) return events;
          const { tab, path } = event.data as { tab: string; path: string };
          const stretch = byDocument.get(documentKey(tab, path));
          const isWanted = stretch !== undefined && event.seq >= stretch.fromSeq && event.seq <= stretch.toSeq && event.atMs <= untilMs;
          if (isWanted) events.push(event);
        }
      }
      return events;
    },
    isAbandoned: () => signal.aborted,
  };
  return momentAt(index, reader, atMs);
}

/** The log's stretches of several documents, those as one that overlap or lie near each other: none is read twice. */
function runsOf(stretches: readonly DocumentStretch[]): { fromSeq: number; toSeq: number }[] {
  const runs: { fromSeq: number; toSeq: number }[] = [];
  for (const { fromSeq, toSeq } of stretches.toSorted((a, b) => a.fromSeq - b.fromSeq)) {
    const last = runs.at(-1);
    if (last !== undefined && fromSeq - last.toSeq <= NEAR_EVENTS) last.toSeq = Math.max(last.toSeq, toSeq);
    else runs.push({ fromSeq, toSeq });
  }
  return runs;
}
