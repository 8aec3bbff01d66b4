import { AppError } from '@plumbline/core';
import { listSegments, type RecordingDatabase, readRecordingState, readTail, type SegmentRow } from '@plumbline/database/recordingTail';
import type { EventType, RecordedEvent } from '@plumbline/protocol';
import type { ObjectStore } from '@plumbline/storage';
import { readBatch } from './batch.ts';
import { CODE_OF, decodeUnit, roundAtMs } from './codec.ts';
import { type SealingKeys, sealingKeys } from './encryption.ts';
import type { RecordingKeys } from './keys.ts';
import { lineHead, openSegment, segmentEvents } from './segment.ts';
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
}

/** What to read. Borders of `seq` belong to the range; of times `fromMs <= atMs < toMs`. */
export interface EventRange {
  fromSeq?: number;
  toSeq?: number;
  fromMs?: number;
  toMs?: number;
  /** Only events that this lets through. */
  where?(event: RecordedEvent): boolean;
}

export interface TerminalSeek {
  /** The last keyframe at or before the time; null where there is none, and then the events begin with the opening. */
  keyframe: Extract<RecordedEvent, { type: 'terminal.keyframe' }> | null;
  /** The terminal's events after it and up to the time; output that the keyframe shows already is left out. */
  events: RecordedEvent[];
}

/** An event without its data. */
export interface EventPlace<T extends EventType> {
  type: T;
  seq: number;
  atMs: number;
  stream: number;
}

/** A run of events that are read together: a segment, or a batch of the tail. */
interface UnitPlace {
  firstSeq: number;
  lastSeq: number;
  minAtMs: number;
  events(): Promise<RecordedEvent[]>;
}

const TAIL_PAGE_BATCHES = 64;

/** Opens a recording for reading. Throws `not_found` where nothing was recorded, `conflict` where it was erased. */
export async function openRecording(source: RecordingSource): Promise<Recording> {
  const dataKey = await source.keys.findDataKey(source.db, source.attemptId);
  if (dataKey === 'absent') throw new AppError('not_found', 'Nothing was recorded of this attempt.');
  if (dataKey === 'destroyed') throw new AppError('conflict', 'The recording of this attempt was erased.');
  return new Recording(source, sealingKeys(dataKey));
}

export class Recording {
  private readonly source: RecordingSource;
  private readonly sealing: SealingKeys;

  constructor(source: RecordingSource, sealing: SealingKeys) {
    this.source = source;
    this.sealing = sealing;
  }

  /** The index of sealed segments, from the one that holds `fromSeq` on. */
  segments(fromSeq = 0): Promise<SegmentRow[]> {
    return listSegments(this.source.db, this.source.attemptId, 0, fromSeq);
  }

  /** The last durable `seq`. */
  async lastSeq(): Promise<number> {
    return (await readRecordingState(this.source.db, this.source.attemptId)).lastSeq;
  }

  /** The events of a range in the order of `seq`. Segments without any of its times are not opened. */
  async *events(range: EventRange = {}): AsyncGenerator<RecordedEvent> {
    for await (const unit of this.units(range)) {
      for (const event of await unit.events()) if (isWithin(event, range)) yield event;
    }
  }

  /**
   * The events from `fromSeq` on in the order of `seq`, those of the given types with nothing but their place: most of a
   * recording's bytes are then never taken apart.
   */
  async *outline<T extends EventType>(types: ReadonlySet<T>, fromSeq = 1): AsyncGenerator<RecordedEvent | EventPlace<T>> {
    const codes = new Map([...types].map((type) => [CODE_OF[type], type]));
    let next = fromSeq;
    for (const row of await this.segments(fromSeq)) {
      const { header, lines } = await openSegment(this.sealing, this.source.attemptId, row.n, await this.source.store.get(row.objectHash));
      for (const [i, line] of lines.entries()) {
        const seq = header.firstSeq + i;
        if (seq < next || isWithheld(line)) continue;
        const head = lineHead(line);
        const type = codes.get(head.code);
        if (type !== undefined) yield { type, seq, atMs: roundAtMs(header.baseMs + head.dt), stream: head.stream };
        else yield* decodeUnit([line.toString('utf8')], header.baseMs, seq);
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
      const own = (await unit.events()).filter((event) => isWithin(event, range));
      held = held.length === 0 ? own : held.concat(own);
      held.sort((a, b) => a.atMs - b.atMs || a.seq - b.seq);
      const safeUntilMs = units[i + 1]?.minAtMs ?? Number.POSITIVE_INFINITY;
      let ready = 0;
      while (ready < held.length && (held[ready] as RecordedEvent).atMs < safeUntilMs) yield held[ready++] as RecordedEvent;
      held = held.slice(ready);
    }
    yield* held;
  }

  /** The screen of a terminal at a time: where to start, and what to play from there. */
  async seekTerminal(terminal: number, atMs: number): Promise<TerminalSeek> {
    const start = await this.seekStart(terminal, atMs);
    let keyframe: TerminalSeek['keyframe'] = null;
    const events: RecordedEvent[] = [];
    const range = { fromSeq: start, toMs: nextAfter(atMs), where: (event: RecordedEvent) => isOfTerminal(event, terminal) };
    for await (const event of this.events(range)) {
      if (keyframe === null && event.seq === start && event.type === 'terminal.keyframe') keyframe = event;
      else events.push(event);
    }
    events.sort((a, b) => a.atMs - b.atMs || a.seq - b.seq);
    return { keyframe, events: keyframe === null ? events : afterOffset(events, keyframe) };
  }

  /** `seq` of the last keyframe or opening of a terminal at or before a time; 1 where the index knows none. */
  private async seekStart(terminal: number, atMs: number): Promise<number> {
    const segments = await this.segments();
    const sealedSeq = segments.at(-1)?.lastSeq ?? 0;
    let start: { seq: number; atMs: number } = { seq: 1, atMs: Number.NEGATIVE_INFINITY };
    const consider = (place: { seq: number; atMs: number }) => {
      if (place.atMs <= atMs && place.atMs >= start.atMs) start = place;
    };
    for (const segment of segments) for (const place of segment.keyframes) if (place.terminal === terminal) consider(place);
    for await (const event of this.events({ fromSeq: sealedSeq + 1, where: (event) => isOfTerminal(event, terminal) })) {
      if (event.type === 'terminal.keyframe' || event.type === 'terminal.opened') consider(event);
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
        if (overlaps(segment, range)) yield this.segmentUnit(segment);
        next = segment.lastSeq + 1;
      }
      if (next > lastSeq) return;
      for await (const unit of this.tailUnits(next, lastSeq)) {
        yield unit;
        next = unit.lastSeq + 1;
      }
      if (next > lastSeq) return;
      // What was in the tail is sealed by now, or it is nowhere.
      segments = await this.segments(next);
      if (segments.length === 0 && wanted === next)
        throw new AppError('internal', `The recording has no event ${next}. Verify it to see what is missing.`);
    }
  }

  private segmentUnit(row: SegmentRow): UnitPlace {
    const { firstSeq, lastSeq, minAtMs } = row;
    return { firstSeq, lastSeq, minAtMs, events: () => this.readSegment(row) };
  }

  private async readSegment(row: SegmentRow): Promise<RecordedEvent[]> {
    const object = await this.source.store.get(row.objectHash);
    return segmentEvents(await openSegment(this.sealing, this.source.attemptId, row.n, object));
  }

  private async *tailUnits(fromSeq: number, toSeq: number): AsyncGenerator<UnitPlace> {
    const { db, attemptId } = this.source;
    let next = fromSeq;
    while (next <= toSeq) {
      const rows = await readTail(db, attemptId, next, TAIL_PAGE_BATCHES);
      for (const row of rows) {
        // A hole, or a batch cut by the range's start: the former is being sealed, the latter is read whole.
        if (row.firstSeq > next || row.firstSeq > toSeq) return;
        const batch = await readBatch(this.sealing, attemptId, row.firstSeq, row.batch);
        const lines = splitLines(batch.body).map((line) => line.toString('utf8'));
        const events = decodeUnit(lines, batch.baseMs, batch.firstSeq);
        const minAtMs = events.reduce((least, event) => Math.min(least, event.atMs), Number.POSITIVE_INFINITY);
        yield { firstSeq: row.firstSeq, lastSeq: row.lastSeq, minAtMs, events: async () => events };
        next = row.lastSeq + 1;
      }
      if (rows.length < TAIL_PAGE_BATCHES) return;
    }
  }
}

function isWithin(event: RecordedEvent, range: EventRange): boolean {
  const { fromSeq, toSeq, fromMs, toMs, where } = range;
  if (fromSeq !== undefined && event.seq < fromSeq) return false;
  if (toSeq !== undefined && event.seq > toSeq) return false;
  if (fromMs !== undefined && event.atMs < fromMs) return false;
  if (toMs !== undefined && event.atMs >= toMs) return false;
  return where === undefined || where(event);
}

function overlaps(segment: SegmentRow, { fromMs, toMs }: EventRange): boolean {
  return (fromMs === undefined || segment.maxAtMs >= fromMs) && (toMs === undefined || segment.minAtMs < toMs);
}

function isOfTerminal(event: RecordedEvent, terminal: number): boolean {
  return event.stream === terminal && event.type.startsWith('terminal.');
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
