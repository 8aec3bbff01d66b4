import type { RecordedEvent } from '@plumbline/protocol';
import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import type { ReplaySource } from './replaySource.ts';

/**
 * The recording around the play head: stretches of equal length, fetched when they are needed. What lies behind the head is
 * forgotten first, then what lies furthest ahead. Stretches in which nothing happened are known from the index and never fetched.
 */

export const WINDOW_MS = 30_000;
/** Rough size of what is kept; the head's own stretch and the next one are kept even where they alone are larger. */
const KEPT_BYTES = 8 * 1024 * 1024;
const EVENT_BYTES = 200;

function sizeOf(event: RecordedEvent): number {
  if (event.type === 'terminal.output') return EVENT_BYTES + event.data.bytes.length;
  if (event.type === 'terminal.keyframe') return EVENT_BYTES + 2 * event.data.screen.length;
  if (event.type === 'editor.opened' || event.type === 'editor.text') return EVENT_BYTES + 2 * event.data.text.length;
  return EVENT_BYTES;
}

export class EventWindows {
  private readonly source: Pick<ReplaySource, 'events'>;
  private index: RecordingIndex;
  private readonly headMs: () => number;
  private readonly kept = new Map<number, { events: RecordedEvent[]; bytes: number }>();
  private readonly loading = new Map<number, Promise<RecordedEvent[]>>();
  /** Events that came while their stretch was being fetched: the answer may not have them. */
  private readonly came = new Map<number, RecordedEvent[]>();
  private keptBytes = 0;

  constructor(source: Pick<ReplaySource, 'events'>, index: RecordingIndex, headMs: () => number) {
    this.source = source;
    this.index = index;
    this.headMs = headMs;
  }

  private get head(): number {
    return Math.max(0, this.numberAt(this.headMs()));
  }

  numberAt(atMs: number): number {
    return Math.floor((atMs - this.index.fromMs) / WINDOW_MS);
  }

  startOf(window: number): number {
    return this.index.fromMs + window * WINDOW_MS;
  }

  get last(): number {
    return this.numberAt(this.index.toMs);
  }

  /** Whether anything that a replay shows happened in the stretch. */
  isEmpty(window: number): boolean {
    if (window < 0 || window > this.last) return true;
    const { bucketMs, counts } = this.index.activity;
    const first = Math.floor((window * WINDOW_MS) / bucketMs);
    const end = Math.ceil(((window + 1) * WINDOW_MS) / bucketMs);
    return !counts.slice(first, end).some((count) => count > 0);
  }

  /** The stretch's events when they are here; undefined when they must be loaded first. */
  peek(window: number): RecordedEvent[] | undefined {
    if (this.isEmpty(window)) return [];
    return this.kept.get(window)?.events;
  }

  /** Whether another stretch ahead, as large as those that are here, can be kept together with them and with what is on its way. */
  get hasRoomAhead(): boolean {
    const { head } = this;
    const ahead = [...this.kept].filter(([window]) => window >= head);
    const bytes = ahead.reduce((sum, [, entry]) => sum + entry.bytes, 0);
    const each = ahead.length === 0 ? KEPT_BYTES / 2 : bytes / ahead.length;
    return bytes + (this.loading.size + 1) * each <= KEPT_BYTES;
  }

  /** The stretch's events, fetched where they are not here. A failure is not kept: the next call tries again. */
  async load(window: number): Promise<RecordedEvent[]> {
    const found = this.peek(window);
    if (found) return found;
    const running = this.loading.get(window);
    if (running) return running;
    const start = this.startOf(window);
    const fetching = this.source
      .events(start, start + WINDOW_MS)
      .then((fetched) => {
        const events = merged(fetched, this.came.get(window) ?? []);
        this.keep(window, events);
        return events;
      })
      .finally(() => {
        this.loading.delete(window);
        this.came.delete(window);
      });
    this.loading.set(window, fetching);
    return fetching;
  }

  /** A recording that still grows has these events more, and this index with them. */
  extend(index: RecordingIndex, events: readonly RecordedEvent[]): void {
    for (const [window, own] of Map.groupBy(events, ({ atMs }) => Math.max(0, this.numberAt(atMs)))) {
      if (this.loading.has(window)) this.came.set(window, [...(this.came.get(window) ?? []), ...own]);
      const known = this.kept.get(window)?.events ?? (this.isEmpty(window) ? [] : null);
      if (known !== null) this.keep(window, merged(known, own));
    }
    this.index = index;
  }

  private keep(window: number, events: RecordedEvent[]): void {
    this.keptBytes -= this.kept.get(window)?.bytes ?? 0;
    const bytes = events.reduce((sum, event) => sum + sizeOf(event), 0);
    this.kept.set(window, { events, bytes });
    this.keptBytes += bytes;
    for (let spare = this.leastNeeded(); this.keptBytes > KEPT_BYTES && spare !== null; spare = this.leastNeeded()) {
      this.keptBytes -= this.kept.get(spare)?.bytes ?? 0;
      this.kept.delete(spare);
    }
  }

  private leastNeeded(): number | null {
    const { head } = this;
    const windows = [...this.kept.keys()];
    const first = Math.min(...windows);
    if (first < head) return first;
    const last = Math.max(...windows);
    return last > head + 1 ? last : null;
  }
}

/** Both lists as one, each event once, by time and then by order of arrival. */
function merged(known: RecordedEvent[], more: readonly RecordedEvent[]): RecordedEvent[] {
  if (more.length === 0) return known;
  const seqs = new Set(known.map(({ seq }) => seq));
  const fresh = more.filter(({ seq }) => !seqs.has(seq));
  return [...known, ...fresh].sort((a, b) => a.atMs - b.atMs || a.seq - b.seq);
}
