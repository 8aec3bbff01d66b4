import type { RecordedEvent } from '@plumbline/protocol';
import type { Marker, MarkerKind, RecordingIndex } from './recordingApi.ts';

/**
 * Builds a recording's index in one pass over its events, so that a replay can seek without reading what lies between.
 * It holds times and places, never text: only notes, messages and scores come along whole, as they are few.
 */

const ACTIVITY_BUCKET_MS = 10_000;
/** Events that are no sign of anybody doing anything, or that a replay does not show. */
const SILENT = new Set<string>(['resource.sample', 'terminal.keyframe', 'connection.latency', 'connection.resumed', 'focus.page']);

export interface IndexHead {
  attemptId: string;
  title: string;
  live: boolean;
  limitMs: number;
  direction: 'lower' | 'higher' | null;
  segments: RecordingIndex['segments'];
  /** The published scale for a raw score; null where the reader may not see it. */
  normalise?: (raw: number) => number | null;
}

const CLOCK_LABELS: Record<string, { kind: MarkerKind; label: string }> = {
  started: { kind: 'start', label: 'Clock started' },
  paused: { kind: 'pause', label: 'Paused' },
  resumed: { kind: 'resume', label: 'Resumed' },
  adjusted: { kind: 'clock', label: 'Time adjusted' },
  outage: { kind: 'clock', label: 'Outage given back' },
  rollback: { kind: 'clock', label: 'Rolled back' },
  submitted: { kind: 'end', label: 'Submitted' },
  expired: { kind: 'end', label: 'Time was up' },
  stopped: { kind: 'end', label: 'Stopped by staff' },
};

/** True for the events that count as activity: what `activity.counts` holds and what skipping idle time looks for. */
export function isActivity(type: string): boolean {
  return !SILENT.has(type);
}

/** The index of the given events, which come in order of `seq`. */
export async function buildRecordingIndex(
  head: IndexHead,
  events: AsyncIterable<RecordedEvent> | Iterable<RecordedEvent>,
): Promise<RecordingIndex> {
  const { normalise, ...rest } = head;
  const index: RecordingIndex = {
    ...rest,
    fromMs: 0,
    toMs: 0,
    lastSeq: 0,
    terminals: [],
    keyframes: [],
    editorBases: [],
    editorClosed: [],
    editorActive: [],
    scores: [],
    notes: [],
    messages: [],
    clock: [],
    pauses: [],
    markers: [],
    activity: { bucketMs: ACTIVITY_BUCKET_MS, counts: [] },
  };
  const activeTimes: number[] = [];
  const lastBase = new Map<string, RecordingIndex['editorBases'][number]>();
  const requested = new Map<string, number>();
  const mark = (event: RecordedEvent, kind: MarkerKind, label: string) =>
    index.markers.push({ seq: event.seq, atMs: event.atMs, kind, label } satisfies Marker);
  const nowActive = (event: RecordedEvent, tab: string, path: string) => {
    const last = index.editorActive.at(-1);
    if (last?.tab !== tab || last.path !== path) index.editorActive.push({ atMs: event.atMs, tab, path });
  };

  for await (const event of events) {
    index.fromMs = index.lastSeq === 0 ? event.atMs : Math.min(index.fromMs, event.atMs);
    index.toMs = Math.max(index.toMs, event.atMs);
    index.lastSeq = event.seq;
    if (isActivity(event.type)) activeTimes.push(event.atMs);

    switch (event.type) {
      case 'terminal.opened':
        index.terminals.push({
          terminal: event.stream,
          name: event.data.name ?? `Terminal ${event.stream}`,
          openedAtMs: event.atMs,
          closedAtMs: null,
          cols: event.data.cols,
          rows: event.data.rows,
        });
        mark(event, 'terminal', `${event.data.name ?? `Terminal ${event.stream}`} opened`);
        break;
      case 'terminal.closed': {
        const open = index.terminals.findLast((terminal) => terminal.terminal === event.stream);
        if (open) open.closedAtMs = event.atMs;
        break;
      }
      case 'terminal.keyframe':
        index.keyframes.push({ terminal: event.stream, seq: event.seq, atMs: event.atMs });
        break;
      case 'editor.opened':
      case 'editor.text': {
        const { tab, path } = event.data;
        const kind: 'opened' | 'text' = event.type === 'editor.opened' ? 'opened' : 'text';
        const base = { tab, path, kind, seq: event.seq, atMs: event.atMs, untilSeq: event.seq };
        index.editorBases.push(base);
        lastBase.set(`${tab} ${path}`, base);
        nowActive(event, tab, path);
        break;
      }
      case 'editor.changed':
      case 'editor.selection': {
        const base = lastBase.get(`${event.data.tab} ${event.data.path}`);
        if (!base) break;
        base.untilSeq = event.seq;
        nowActive(event, event.data.tab, event.data.path);
        break;
      }
      case 'editor.closed':
        lastBase.delete(`${event.data.tab} ${event.data.path}`);
        index.editorClosed.push({ tab: event.data.tab, path: event.data.path, seq: event.seq, atMs: event.atMs });
        break;
      case 'score.requested':
        requested.set(event.data.scoreId, event.data.elapsedMs);
        break;
      case 'score.finished': {
        const { scoreId, n, trigger, status, score, message } = event.data;
        const normalised = score === null || !normalise ? null : normalise(score);
        index.scores.push({
          seq: event.seq,
          atMs: event.atMs,
          scoreId,
          n,
          trigger,
          elapsedMs: requested.get(scoreId) ?? 0,
          status,
          score,
          normalised,
          message,
        });
        mark(event, 'score', score === null ? `Score ${n}: ${status}` : `Score ${n}: ${Number(score.toPrecision(6))}`);
        break;
      }
      case 'note.written':
        index.notes.push({ seq: event.seq, atMs: event.atMs, ...event.data });
        mark(event, 'note', event.data.text.slice(0, 80));
        break;
      case 'message.sent':
        index.messages.push({ seq: event.seq, atMs: event.atMs, ...event.data });
        mark(event, 'message', event.data.text.slice(0, 80));
        break;
      case 'clock.event': {
        const kind = String(event.data.event.kind);
        index.clock.push({ seq: event.seq, atMs: event.atMs, n: event.data.n, event: event.data.event });
        const open = index.pauses.at(-1);
        if (open && open.toMs === null && kind !== 'paused' && kind !== 'adjusted') open.toMs = event.atMs;
        if (kind === 'paused') index.pauses.push({ fromMs: event.atMs, toMs: null, reason: String(event.data.event.reason ?? '') });
        const words = CLOCK_LABELS[kind];
        if (words) mark(event, words.kind, kind === 'paused' ? `Paused: ${String(event.data.event.reason ?? '')}` : words.label);
        break;
      }
      case 'snapshot.taken':
        mark(event, 'snapshot', `Snapshot (${event.data.cause})`);
        break;
      case 'submission.captured':
        mark(event, 'submission', `Submission captured, ${event.data.files} files`);
        break;
      case 'clipboard.paste':
        mark(event, 'paste', `Paste of ${event.data.length} characters into ${event.data.target}`);
        break;
      case 'connection.gap':
        mark(event, 'gap', `Gap: ${event.data.reason}`);
        break;
    }
  }

  // The earliest time is known only now: events may be older than those that arrived before them.
  for (const atMs of activeTimes) {
    const bucket = Math.floor((atMs - index.fromMs) / ACTIVITY_BUCKET_MS);
    while (index.activity.counts.length <= bucket) index.activity.counts.push(0);
    index.activity.counts[bucket] = (index.activity.counts[bucket] ?? 0) + 1;
  }
  const byTime = (a: { atMs: number; seq: number }, b: { atMs: number; seq: number }) => a.atMs - b.atMs || a.seq - b.seq;
  for (const list of [index.markers, index.scores, index.notes, index.messages, index.keyframes, index.editorBases, index.editorClosed])
    list.sort(byTime);
  index.editorActive.sort((a, b) => a.atMs - b.atMs);
  return index;
}
