import { AppError } from '@plumbline/core';
import { listSeals, type RecordingSeal } from '@plumbline/database/recordingSeals';
import { lastKeyframe, listSegmentPlaces, type SegmentPlace } from '@plumbline/database/recordingSegments';
import { type RecordingDatabase, readRecordingState, readTail } from '@plumbline/database/recordingTail';
import type { EventType, RecordedEvent } from '@plumbline/protocol';
import type { ObjectStore } from '@plumbline/storage';
import { readBatch } from './batch.ts';
import { decodeUnit, type LinePlace, lineHead, roundAtMs, TYPE_OF } from './codec.ts';
import { type SealingKeys, sealingKeys } from './encryption.ts';
import { keepIndex, readKeptIndex } from './keptIndex.ts';
import type { RecordingKeys } from './keys.ts';
import { isSealed } from './participantSeals.ts';
import type { IndexedEvents } from './recordingIndex.ts';
import { openSegment, type Segment, segmentEvents } from './segment.ts';
import type { SegmentCache } from './segmentCache.ts';
import { splitLines } from './unitText.ts';
import { isWithheld } from './withheld.ts';

/**
 * Reads a recording while it grows or after: sealed segments, then the tail, one unit at a time. A segment that is
 * sealed in the middle of a read is found in its new place.
 */
export interface RecordingSource {
  db: RecordingDatabase;
  store: ObjectStore;
  keys: RecordingKeys;
  attemptId: string;
  /** Opened segments that several readings share. */
  cache?: SegmentCache;
}

/** What to read. Borders of `seq` belong to the range; of times `fromMs <= atMs < toMs`. */
export interface EventRange {
  fromSeq?: number;
  toSeq?: number;
  fromMs?: number;
  toMs?: number;
  /** Only events of these types, and of this terminal: others are not taken apart. */
  types?: ReadonlySet<EventType>;
  stream?: number;
  /** Only events that this lets through. */
  where?(event: RecordedEvent): boolean;
}

/** A page of what a seek found. */
export interface TerminalSeek {
  /** The last keyframe at or before the time; null where there is none, and then the first page's events begin with the opening. */
  keyframe: Extract<RecordedEvent, { type: 'terminal.keyframe' }> | null;
  /** The terminal's events after it and up to the time; output that the keyframe shows already is left out. */
  events: RecordedEvent[];
}

/** An event without its data. */
export interface EventPlace<T extends EventType> extends LinePlace {
  type: T;
}

/** A run of events that are read together: a segment, or a batch of the tail. */
interface UnitPlace {
  firstSeq: number;
  lastSeq: number;
  minAtMs: number;
  events(): Promise<RecordedEvent[]>;
}

const TAIL_PAGE_BATCHES = 64;
/** Drawn in half a second, and as much as a page is given to draw by itself. */
export const SEEK_PAGE_BYTES = 4 * 1024 * 1024;
const TERMINAL_TYPES: ReadonlySet<EventType> = new Set(([...TYPE_OF.values()] as const).filter((type) => type.startsWith('terminal.')));

/** Opens a recording for reading. Throws `not_found` where nothing was recorded, `conflict` where it was erased. */
export async function openRecording(source: RecordingSource): Promise<Recording> {
  const dataKey = await source.keys.findDataKey(source.db, source.attemptId);
  if (dataKey === 'absent') throw new AppError('not_found', 'Nothing was recorded of this attempt.');
  if (dataKey === 'destroyed') throw new AppError('conflict', 'The recording of this attempt was erased.');
  return new Recording(source, sealingKeys(dataKey), await listSeals(source.db, source.attemptId));
}

export class Recording {
  private readonly source: RecordingSource;
  private readonly sealing: SealingKeys;
  /** What its participant had withheld: nobody is given it, whatever they ask for. */
  private readonly seals: readonly RecordingSeal[];
  private listed: Promise<SegmentPlace[]> | null = null;

  constructor(source: RecordingSource, sealing: SealingKeys, seals: readonly RecordingSeal[]) {
    this.source = source;
    this.sealing = sealing;
    this.seals = seals;
  }

  /** The index of sealed segments as it was when it was first asked for, from the one that holds `fromSeq` on. */
  async segments(fromSeq = 0): Promise<SegmentPlace[]> {
    this.listed ??= listSegmentPlaces(this.source.db, this.source.attemptId);
    try {
      return (await this.listed).filter((segment) => segment.lastSeq >= fromSeq);
    } catch (error) {
      this.listed = null;
      throw error;
    }
  }

  /** The last durable `seq`. */
  async lastSeq(): Promise<number> {
    return (await readRecordingState(this.source.db, this.source.attemptId)).lastSeq;
  }

  /** The index that is kept beside the recording, of the segments as they were first listed; null where none is. */
  async keptIndex(): Promise<IndexedEvents | null> {
    const { db, attemptId } = this.source;
    return readKeptIndex({ db, attemptId, sealing: this.sealing, segments: await this.segments() });
  }

  /** Keeps the index of a finished recording, which was made of this reading: another one waits in the tail for more. */
  async keepIndex(index: IndexedEvents): Promise<void> {
    const { db, attemptId } = this.source;
    const segments = await this.segments();
    if (index.lastSeq === segments.at(-1)?.lastSeq) await keepIndex({ db, attemptId, sealing: this.sealing, segments }, index);
  }

  /** The events of a range in the order of `seq`. Segments without any of its times are not opened. */
  async *events(range: EventRange = {}): AsyncGenerator<RecordedEvent> {
    for await (const unit of this.units(range)) yield* await unit.events();
  }

  /**
   * The events from `fromSeq` on in the order of `seq`, those of the given types with nothing but their place: most of a
   * recording's bytes are then never taken apart.
   */
  async *outline<T extends EventType>(types: ReadonlySet<T>, fromSeq = 1): AsyncGenerator<RecordedEvent | EventPlace<T>> {
    let next = fromSeq;
    const rows = await this.segments(fromSeq);
    let opening = rows[0] === undefined ? null : this.openOnce(rows[0]);
    for (const [n, row] of rows.entries()) {
      const { header, lines } = await (opening as Promise<Segment>);
      const following = rows[n + 1];
      // The next one is decompressed beside the reading of this one; that it failed is told when its turn comes.
      opening = following === undefined ? null : this.openOnce(following);
      opening?.catch(() => {});
      for (const [i, line] of lines.entries()) {
        const seq = header.firstSeq + i;
        if (seq < next || isWithheld(line)) continue;
        const head = lineHead(line);
        const type = TYPE_OF.get(head.code) as T;
        if (isSealed(this.seals, { type, atMs: roundAtMs(header.baseMs + head.dt) })) continue;
        if (types.has(type)) yield { type, seq, atMs: roundAtMs(header.baseMs + head.dt), stream: head.stream };
        else yield* decodeUnit([line], header.baseMs, seq);
      }
      next = row.lastSeq + 1;
    }
    yield* this.events({ fromSeq: next });
  }

  /**
   * The events of a range in the order of a replay: by `atMs`, then by `seq`. Events that arrived late are in their
   * place. Holds only units whose times overlap.
   */
  async *eventsByTime(range: EventRange = {}): AsyncGenerator<RecordedEvent> {
    const units: UnitPlace[] = [];
    for await (const unit of this.units(range)) units.push(unit);
    units.sort((a, b) => a.minAtMs - b.minAtMs || a.firstSeq - b.firstSeq);
    let held: RecordedEvent[] = [];
    for (const [i, unit] of units.entries()) {
      const own = await unit.events();
      held = held.length === 0 ? own : held.concat(own);
      held.sort((a, b) => a.atMs - b.atMs || a.seq - b.seq);
      const safeUntilMs = units[i + 1]?.minAtMs ?? Number.POSITIVE_INFINITY;
      let ready = 0;
      while (ready < held.length && (held[ready] as RecordedEvent).atMs < safeUntilMs) yield held[ready++] as RecordedEvent;
      held = held.slice(ready);
    }
    yield* held;
  }

  /**
   * The screen of a terminal at a time: where to start, and what to play from there, in pages of some SEEK_PAGE_BYTES of output, of which
   * there is one at least and only the first has a keyframe. A flood may put out hundreds of megabytes between two keyframes. `known` is
   * where an index has the start; without, it is looked for, and everything up to the time is read.
   */
  async *seekTerminal(terminal: number, atMs: number, known?: { fromSeq: number; toSeq?: number }): AsyncGenerator<TerminalSeek> {
    const start = known?.fromSeq ?? (await this.seekStart(terminal, atMs));
    let keyframe: TerminalSeek['keyframe'] = null;
    let page: RecordedEvent[] = [];
    let pageBytes = 0;
    let pages = 0;
    const turned = (): TerminalSeek => {
      page.sort((a, b) => a.atMs - b.atMs || a.seq - b.seq);
      const events = keyframe === null ? page : afterOffset(page, keyframe);
      page = [];
      pageBytes = 0;
      pages += 1;
      return { keyframe: pages === 1 ? keyframe : null, events };
    };
    const until = known?.toSeq === undefined ? {} : { toSeq: known.toSeq };
    const range = { fromSeq: start, ...until, toMs: nextAfter(atMs), types: TERMINAL_TYPES, stream: terminal };
    for await (const event of this.events(range)) {
      if (keyframe === null && event.seq === start && event.type === 'terminal.keyframe') keyframe = event;
      else page.push(event);
      if (event.type === 'terminal.output') pageBytes += event.data.bytes.length;
      if (pageBytes >= SEEK_PAGE_BYTES) yield turned();
    }
    if (page.length > 0 || pages === 0) yield turned();
  }

  /** `seq` of the last keyframe or opening of a terminal at or before a time; 1 where the index knows none. */
  private async seekStart(terminal: number, atMs: number): Promise<number> {
    const { db, attemptId } = this.source;
    const [segments, sealed] = await Promise.all([this.segments(), lastKeyframe(db, attemptId, terminal, atMs)]);
    const sealedSeq = segments.at(-1)?.lastSeq ?? 0;
    let start = sealed ?? { seq: 1, atMs: Number.NEGATIVE_INFINITY };
    for await (const event of this.events({ fromSeq: sealedSeq + 1, types: TERMINAL_TYPES, stream: terminal })) {
      const isStart = event.type === 'terminal.keyframe' || event.type === 'terminal.opened';
      if (isStart && event.atMs <= atMs && event.atMs >= start.atMs) start = event;
    }
    return start.seq;
  }

  /** The units of a range in order, each read from where it is when its turn comes. */
  private async *units(range: EventRange): AsyncGenerator<UnitPlace> {
    const lastSeq = Math.min(range.toSeq ?? Number.POSITIVE_INFINITY, await this.lastSeq());
    let next = Math.max(1, range.fromSeq ?? 1);
    let segments = await this.segments(next);
    while (next <= lastSeq) {
      const wanted = next;
      for (const segment of segments) {
        if (segment.lastSeq < next || segment.firstSeq > lastSeq) continue;
        // The first part of one that was sealed meanwhile may have been read from the tail.
        if (overlaps(segment, range)) yield this.segmentUnit(segment, { ...range, fromSeq: next });
        next = segment.lastSeq + 1;
      }
      if (next > lastSeq) return;
      for await (const unit of this.tailUnits(next, lastSeq, range)) {
        yield unit;
        next = unit.lastSeq + 1;
      }
      if (next > lastSeq) return;
      // What was in the tail is sealed by now, or it is nowhere.
      segments = await listSegmentPlaces(this.source.db, this.source.attemptId, next);
      if (segments.length === 0 && wanted === next)
        throw new AppError('internal', `The recording has no event ${next}. Verify it to see what is missing.`);
    }
  }

  private segmentUnit(row: SegmentPlace, range: EventRange): UnitPlace {
    const { firstSeq, lastSeq, minAtMs } = row;
    return { firstSeq, lastSeq, minAtMs, events: async () => whereOf(segmentEvents(await this.open(row), this.shown(range)), range) };
  }

  private shown(range: EventRange): (place: LinePlace) => boolean {
    const isWanted = within(range);
    return (place) => isWanted(place) && !isSealed(this.seals, place);
  }

  private open(row: SegmentPlace): Promise<Segment> {
    const { attemptId, cache } = this.source;
    return cache?.take(`${attemptId} ${row.objectHash}`, () => this.openOnce(row)) ?? this.openOnce(row);
  }

  private async openOnce({ n, objectHash }: SegmentPlace): Promise<Segment> {
    return openSegment(this.sealing, this.source.attemptId, n, await this.source.store.get(objectHash));
  }

  private async *tailUnits(fromSeq: number, toSeq: number, range: EventRange): AsyncGenerator<UnitPlace> {
    const { db, attemptId } = this.source;
    let next = fromSeq;
    while (next <= toSeq) {
      const rows = await readTail(db, attemptId, next, TAIL_PAGE_BATCHES);
      for (const row of rows) {
        // A hole, or a batch cut by the range's start: the former is being sealed, the latter is read whole.
        if (row.firstSeq > next || row.firstSeq > toSeq) return;
        const batch = await readBatch(this.sealing, attemptId, row.firstSeq, row.batch);
        const events = whereOf(decodeUnit(splitLines(batch.body), batch.baseMs, batch.firstSeq, this.shown(range)), range);
        const minAtMs = events.reduce((least, event) => Math.min(least, event.atMs), Number.POSITIVE_INFINITY);
        yield { firstSeq: row.firstSeq, lastSeq: row.lastSeq, minAtMs, events: async () => events };
        next = row.lastSeq + 1;
      }
      if (rows.length < TAIL_PAGE_BATCHES) return;
    }
  }
}

/** Whether a line belongs to a range. */
export function within({ fromSeq, toSeq, fromMs, toMs, types, stream }: EventRange): (place: LinePlace) => boolean {
  return (place) => {
    if (fromSeq !== undefined && place.seq < fromSeq) return false;
    if (toSeq !== undefined && place.seq > toSeq) return false;
    if (fromMs !== undefined && place.atMs < fromMs) return false;
    if (toMs !== undefined && place.atMs >= toMs) return false;
    return (types === undefined || types.has(place.type)) && (stream === undefined || place.stream === stream);
  };
}

function whereOf(events: RecordedEvent[], { where }: EventRange): RecordedEvent[] {
  return where === undefined ? events : events.filter((event) => where(event));
}

/** Whether a segment may have events of a range's times. */
export function overlaps(segment: Pick<SegmentPlace, 'minAtMs' | 'maxAtMs'>, { fromMs, toMs }: EventRange): boolean {
  return (fromMs === undefined || segment.maxAtMs >= fromMs) && (toMs === undefined || segment.minAtMs < toMs);
}

/** The least time that is not within "up to and including `atMs`": the log's times have whole microseconds. */
function nextAfter(atMs: number): number {
  return atMs + 0.001;
}

/** What is not on the keyframe's screen: later output, the later part of output that it cuts, and every other event. */
function afterOffset(events: RecordedEvent[], keyframe: NonNullable<TerminalSeek['keyframe']>): RecordedEvent[] {
  const shown = keyframe.data.offset;
  return events.flatMap((event) => {
    if (event.type !== 'terminal.output' || event.data.offset >= shown) return [event];
    const { offset, bytes } = event.data;
    if (offset + bytes.length <= shown) return [];
    return [{ ...event, data: { offset: shown, bytes: bytes.subarray(shown - offset) } }];
  });
}
