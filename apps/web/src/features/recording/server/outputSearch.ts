import type { EventType, RecordedEvent } from '@plumbline/protocol';
import type { Recording } from '@plumbline/recording/reader';
import type { IndexedEvents } from '@plumbline/recording/recordingIndex';
import type { SearchAnswer } from '../../replay/model/recordingApi.ts';
import { ExpectedWork, SearchWork } from './searchWork.ts';
import { type TerminalHit, TerminalSearch } from './terminalSearch.ts';

/**
 * Searches a recording's terminals piece by piece: an answer has a page of what is found, or says how far nothing was, and where to go on.
 * So the first finds of a long recording are there at once, and a search of all of it holds no answer up.
 */

const HITS_IN_ANSWER = 200;
/** Below a second's work. */
const BYTES_IN_ANSWER = 4 * 1024 * 1024;
/** Of what came since the keyframes, before an answer goes on: a terminal that never comes out of a sequence has none. */
const BYTES_BEFORE_ANSWER = 8 * 1024 * 1024;
/** So much is drawn before finds are counted. */
const BATCH_BYTES = 512 * 1024;
const BATCH_EVENTS = 2_000;
const SCREEN_TYPES: ReadonlySet<EventType> = new Set([
  'terminal.opened',
  'terminal.closed',
  'terminal.output',
  'terminal.resized',
  'terminal.keyframe',
] as const);

/** Where a search goes on: at an event, of which so many finds were given. */
interface SearchPlace {
  seq: number;
  given: number;
}

export interface SearchRequest {
  recording: Pick<Recording, 'events'>;
  /** Where each terminal's screen can be drawn from. */
  index: Pick<IndexedEvents, 'screens' | 'terminals'>;
  text: string;
  /** `next` of the answer before; null begins. */
  after: string | null;
  /** Nobody waits for the answer any more: it ends where it is. */
  signal?: AbortSignal;
}

type Hit = SearchAnswer['hits'][number] & Pick<TerminalHit, 'seq'>;

/** The next page of what terminals showed that has a text, in the order in which it came. */
export async function searchOutput(request: SearchRequest): Promise<SearchAnswer> {
  const from = placeOf(request.after);
  const expected = new ExpectedWork();
  const searches = await searchesAt(request, from.seq, expected);
  try {
    return await searchFrom(request, from, searches, expected);
  } finally {
    for (const search of searches.values()) search.dispose();
  }
}

async function searchFrom(
  { recording, text, signal }: SearchRequest,
  from: SearchPlace,
  searches: Map<number, TerminalSearch>,
  expected: ExpectedWork,
): Promise<SearchAnswer> {
  const work = new SearchWork(BYTES_IN_ANSWER, signal);
  for (const search of searches.values()) search.work = work;
  const hits: Hit[] = [];
  let batch: RecordedEvent[] = [];
  let batchBytes = 0;
  let last: RecordedEvent | null = null;
  const draw = async () => {
    hits.push(...(await hitsOf(batch, text, searches, work)));
    if (batch[0]?.seq === from.seq) hits.splice(0, from.given);
    batch = [];
    batchBytes = 0;
  };
  for await (const event of recording.events({ fromSeq: from.seq, types: SCREEN_TYPES })) {
    const bytes = expected.bytesOf(event);
    // What one event is alone may be more than an answer's work: it has one at least.
    if (hits.length > HITS_IN_ANSWER || work.isAbandoned || (last !== null && work.isOverAfter(batchBytes + bytes))) {
      await draw();
      return answerOf(hits, from, { seq: event.seq, given: 0 }, last);
    }
    last = event;
    batch.push(event);
    batchBytes += bytes;
    if (batchBytes >= BATCH_BYTES || batch.length >= BATCH_EVENTS) await draw();
  }
  await draw();
  return answerOf(hits, from, null, last);
}

async function hitsOf(
  batch: readonly RecordedEvent[],
  text: string,
  searches: Map<number, TerminalSearch>,
  work: SearchWork,
): Promise<Hit[]> {
  const byTerminal = Map.groupBy(batch, ({ stream }) => stream);
  const found: Hit[] = [];
  for (const [terminal, events] of byTerminal) {
    const search = searches.get(terminal) ?? new TerminalSearch(text, work);
    searches.set(terminal, search);
    found.push(...(await search.take(events)).map((hit) => ({ terminal, ...hit })));
  }
  return found.sort((a, b) => a.seq - b.seq);
}

/** An answer of no more than a page; `next` is where to go on after all of it, null at the end of the recording. */
function answerOf(hits: Hit[], from: SearchPlace, next: SearchPlace | null, last: RecordedEvent | null): SearchAnswer {
  const over = hits[HITS_IN_ANSWER];
  const given = hits.slice(0, HITS_IN_ANSWER);
  const givenOf = (place: number) => given.filter(({ seq }) => seq === place).length + (place === from.seq ? from.given : 0);
  const place = over === undefined ? next : { seq: over.seq, given: givenOf(over.seq) };
  return {
    hits: given.map(({ seq: _seq, ...hit }) => hit),
    next: place === null ? null : `${place.seq}.${place.given}`,
    untilMs: over?.atMs ?? last?.atMs ?? 0,
  };
}

function placeOf(after: string | null): SearchPlace {
  const [seq = 1, given = 0] = after?.split('.').map(Number) ?? [];
  return { seq, given };
}

/**
 * A search of each terminal that goes on at an event, with what it showed by then; where that is too much to draw, with a hole, which
 * its next keyframe mends.
 */
async function searchesAt(
  { recording, index, text, signal }: SearchRequest,
  seq: number,
  expected: ExpectedWork,
): Promise<Map<number, TerminalSearch>> {
  const searches = new Map<number, TerminalSearch>();
  const work = new SearchWork(BYTES_BEFORE_ANSWER, signal);
  const closed = new Set(index.terminals.flatMap(({ terminal, closedAtMs }) => (closedAtMs === null ? [] : [terminal])));
  for (const [terminal, places] of Map.groupBy(index.screens, ({ terminal }) => terminal)) {
    const place = places.findLast((screen) => screen.seq < seq);
    if (place === undefined || (closed.has(terminal) && place === places.at(-1) && place.untilSeq < seq)) continue;
    const search = new TerminalSearch(text, work);
    searches.set(terminal, search);
    const take = async () => {
      await search.goOnFrom(batch.splice(0));
      batchBytes = 0;
    };
    const batch: RecordedEvent[] = [];
    let batchBytes = 0;
    for await (const event of recording.events({ fromSeq: place.seq, toSeq: seq - 1, types: SCREEN_TYPES, stream: terminal })) {
      const bytes = expected.bytesToDraw(event);
      if (work.isOverAfter(batchBytes + bytes)) break;
      batch.push(event);
      batchBytes += bytes;
      if (batchBytes >= BATCH_BYTES) await take();
    }
    await take();
  }
  return searches;
}
