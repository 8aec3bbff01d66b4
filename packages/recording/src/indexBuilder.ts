import { type EventType, type RecordedEvent, SEALED_TYPES } from '@plumbline/protocol';
import { ActivityCount, noActivity } from './activityCount.ts';
import { addActivity, boundActivity } from './activityRows.ts';
import { clockMarker, counted, gapWords, lostBlobWords, pasteWords, scoreWords, snapshotWords } from './markerWords.ts';
import type { IndexedEvents, Marker, MarkerKind } from './recordingIndex.ts';
import { addResources } from './resourceRows.ts';
import { markWhole } from './snapshotChain.ts';
import { withholdStretch } from './withheldStretch.ts';

/**
 * Builds a recording's index in one pass over its events, so that a replay can seek without reading what lies between.
 * It holds times and places, never text: only notes, messages, commands and scores come along whole, as they are few. An
 * index can be taken up again where it ends, which is how the view of a running attempt grows.
 */

/** Of changed files the newest; a build that writes thousands an hour says little by each of them. */
const FILES_KEPT = 5_000;
/** A command may be a pasted program; its beginning tells which. */
const COMMAND_TEXT_MAX = 2_000;
const SEALABLE: ReadonlySet<EventType> = new Set(SEALED_TYPES);

/** Types of which an index takes nothing but that they happened, and when: by far the most of a recording. */
export const OUTLINED_TYPES = new Set(['terminal.output', 'terminal.input', 'terminal.keyframe'] as const);
type OutlinedType = typeof OUTLINED_TYPES extends Set<infer T> ? T : never;

/** What the index needs of an event of `OUTLINED_TYPES`. */
export interface OutlinedEvent {
  type: OutlinedType;
  seq: number;
  atMs: number;
  stream: number;
}

export function emptyIndex(): IndexedEvents {
  return {
    fromMs: 0,
    toMs: 0,
    lastSeq: 0,
    terminals: [],
    screens: [],
    editorBases: [],
    editorClosed: [],
    editorActive: [],
    scores: [],
    notes: [],
    messages: [],
    clock: [],
    pauses: [],
    sealed: [],
    markers: [],
    commands: [],
    resources: [],
    activityRows: [],
    activityOmitted: {},
    peers: [],
    focus: [],
    files: [],
    filesOmitted: [],
    snapshots: [],
    runner: null,
    lostBlobs: [],
    activity: noActivity(),
  };
}

/** Takes events in order of `seq` and keeps an index of them; begins with an empty index, or where another one ended. */
export class IndexBuilder<Index extends IndexedEvents = IndexedEvents> {
  private readonly index: Index;
  private readonly activity = new ActivityCount();
  private readonly lastScreen = new Map<number, IndexedEvents['screens'][number]>();
  private readonly lastBase = new Map<string, IndexedEvents['editorBases'][number]>();
  private readonly running = new Map<number, IndexedEvents['commands'][number]>();
  private readonly requested = new Map<string, number>();
  /** Once counted from, the beginning stays. */
  private begun: boolean;

  constructor(index: Index) {
    this.index = structuredClone(index);
    this.begun = index.lastSeq > 0;
    const closed = new Map(this.index.editorClosed.map((place) => [`${place.tab} ${place.path}`, place.seq]));
    for (const base of this.index.editorBases) {
      const key = `${base.tab} ${base.path}`;
      if ((closed.get(key) ?? 0) < base.seq) this.lastBase.set(key, base);
    }
    for (const screen of this.index.screens) this.lastScreen.set(screen.terminal, screen);
    for (const command of this.index.commands) if (command.endAtMs === null) this.running.set(command.terminal, command);
  }

  /** The index as far as it goes; a copy, so that who holds it sees no half of what comes next. */
  take(): Index {
    const { index } = this;
    this.begun ||= index.lastSeq > 0;
    this.activity.countInto(index);
    const byTime = (a: { atMs: number; seq: number }, b: { atMs: number; seq: number }) => a.atMs - b.atMs || a.seq - b.seq;
    for (const list of [
      index.markers,
      index.scores,
      index.notes,
      index.messages,
      index.screens,
      index.editorBases,
      index.editorClosed,
      index.commands,
      index.files,
    ]) {
      list.sort(byTime);
    }
    for (const list of [index.editorActive, index.resources, index.focus, index.snapshots]) list.sort((a, b) => a.atMs - b.atMs);
    boundActivity(index);
    markWhole(index);
    const dropped = index.files.splice(0, Math.max(0, index.files.length - FILES_KEPT));
    const lastDropped = dropped.at(-1);
    if (lastDropped !== undefined) index.filesOmitted.push({ atMs: lastDropped.atMs, count: dropped.length });
    return structuredClone(index);
  }

  add(event: RecordedEvent | OutlinedEvent): void {
    const { index } = this;
    if (this.isSealed(event)) {
      index.lastSeq = event.seq;
      return;
    }
    if (!this.begun) index.fromMs = index.lastSeq === 0 ? event.atMs : Math.min(index.fromMs, event.atMs);
    index.toMs = Math.max(index.toMs, event.atMs);
    index.lastSeq = event.seq;
    this.activity.add(event);
    if (event.type.startsWith('terminal.')) this.addToScreen(event);
    if (!OUTLINED_TYPES.has(event.type as OutlinedType)) this.addWhole(event as RecordedEvent);
  }

  /** A reading that began before a seal goes on to give what it withholds, where that arrives after it. */
  private isSealed({ type, atMs }: RecordedEvent | OutlinedEvent): boolean {
    return SEALABLE.has(type) && this.index.sealed.some(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs);
  }

  private addToScreen({ type, seq, atMs, stream }: RecordedEvent | OutlinedEvent): void {
    if (type === 'terminal.keyframe' || type === 'terminal.opened') {
      const screen = { terminal: stream, seq, atMs, untilSeq: seq };
      this.index.screens.push(screen);
      this.lastScreen.set(stream, screen);
    } else if (type !== 'terminal.input') {
      const screen = this.lastScreen.get(stream);
      if (screen !== undefined) screen.untilSeq = seq;
    }
  }

  private mark(event: RecordedEvent, kind: MarkerKind, label: string): void {
    this.index.markers.push({ seq: event.seq, atMs: event.atMs, kind, label } satisfies Marker);
  }

  private nowActive(event: RecordedEvent, tab: string, path: string): void {
    const last = this.index.editorActive.at(-1);
    if (last?.tab !== tab || last.path !== path) this.index.editorActive.push({ atMs: event.atMs, tab, path });
  }

  private addWhole(event: RecordedEvent): void {
    addActivity(this.index, event);
    this.addToTerminals(event);
    this.addToFiles(event);
    this.addWords(event);
    this.addToAttempt(event);
  }

  /** Which terminals there were, and what was run in them. */
  private addToTerminals(event: RecordedEvent): void {
    const { index } = this;
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
        this.mark(event, 'terminal', `${event.data.name ?? `Terminal ${event.stream}`} opened`);
        break;
      case 'terminal.renamed': {
        const open = index.terminals.findLast((terminal) => terminal.terminal === event.stream);
        if (open === undefined) break;
        this.mark(event, 'terminal', `${open.name} renamed ${event.data.name}`);
        open.name = event.data.name;
        break;
      }
      case 'terminal.closed': {
        const open = index.terminals.findLast((terminal) => terminal.terminal === event.stream);
        if (open) open.closedAtMs = event.atMs;
        this.endCommand(event.stream, { endAtMs: event.atMs });
        break;
      }
      case 'command.started': {
        const text = event.data.text?.slice(0, COMMAND_TEXT_MAX) ?? null;
        const { seq, stream, atMs } = event;
        const how = { endAtMs: null, exitCode: null, lost: false };
        const command = { seq, terminal: stream, atMs, text, directory: event.data.directory, ...how };
        index.commands.push(command);
        this.running.set(stream, command);
        break;
      }
      case 'command.finished':
        this.endCommand(event.stream, { endAtMs: event.atMs, exitCode: event.data.exitCode });
        break;
    }
  }

  /** What was open in the editor, and which files changed. */
  private addToFiles(event: RecordedEvent): void {
    const { index } = this;
    switch (event.type) {
      case 'editor.opened':
      case 'editor.text': {
        const { tab, path } = event.data;
        const kind: 'opened' | 'text' = event.type === 'editor.opened' ? 'opened' : 'text';
        const selection = this.lastBase.get(`${tab} ${path}`)?.selection ?? null;
        const base = { tab, path, kind, seq: event.seq, atMs: event.atMs, untilSeq: event.seq, selectionBefore: selection, selection };
        index.editorBases.push(base);
        this.lastBase.set(`${tab} ${path}`, base);
        this.nowActive(event, tab, path);
        break;
      }
      case 'editor.changed':
      case 'editor.selection': {
        const base = this.lastBase.get(`${event.data.tab} ${event.data.path}`);
        if (!base) break;
        base.untilSeq = event.seq;
        if (event.type === 'editor.selection') base.selection = { anchor: event.data.anchor, active: event.data.active };
        this.nowActive(event, event.data.tab, event.data.path);
        break;
      }
      case 'editor.closed':
        this.lastBase.delete(`${event.data.tab} ${event.data.path}`);
        index.editorClosed.push({ tab: event.data.tab, path: event.data.path, seq: event.seq, atMs: event.atMs });
        break;
      case 'editor.saved':
        index.files.push({ seq: event.seq, atMs: event.atMs, op: 'saved', path: event.data.path, to: null, size: event.data.size });
        break;
      case 'file.changed': {
        const { op, path, to = null, size = null } = event.data;
        index.files.push({ seq: event.seq, atMs: event.atMs, op, path, to, size });
        break;
      }
      case 'file.omitted':
        index.filesOmitted.push({ atMs: event.atMs, count: event.data.count });
        break;
    }
  }

  /** Scores, and what participant and staff wrote. */
  private addWords(event: RecordedEvent): void {
    const { index } = this;
    switch (event.type) {
      case 'score.requested':
        this.requested.set(event.data.scoreId, event.data.elapsedMs);
        break;
      case 'score.finished': {
        const { scoreId, n, trigger, status, score, message } = event.data;
        const elapsedMs = this.requested.get(scoreId) ?? 0;
        index.scores.push({ seq: event.seq, atMs: event.atMs, scoreId, n, trigger, elapsedMs, status, score, normalised: null, message });
        this.mark(event, 'score', scoreWords(n, score, status));
        break;
      }
      case 'note.written':
      case 'ai_use.noted': {
        const { n, text, elapsedMs } = event.data;
        const isAiUse = event.type === 'ai_use.noted' || event.data.kind === 'ai_use';
        index.notes.push({ seq: event.seq, atMs: event.atMs, n, text, elapsedMs, kind: isAiUse ? 'ai_use' : 'note' });
        this.mark(event, 'note', `${isAiUse ? 'AI use: ' : ''}${text.slice(0, 80)}`);
        break;
      }
      case 'issue.reported':
        index.messages.push({ seq: event.seq, atMs: event.atMs, from: 'participant', text: event.data.text });
        this.mark(event, 'message', event.data.text.slice(0, 80));
        break;
      case 'message.sent':
        index.messages.push({ seq: event.seq, atMs: event.atMs, ...event.data });
        this.mark(event, 'message', event.data.text.slice(0, 80));
        break;
    }
  }

  /** What else befell the attempt, its workspace and those who were connected. */
  private addToAttempt(event: RecordedEvent): void {
    const { index } = this;
    switch (event.type) {
      case 'clock.event':
        this.addClockEvent(event);
        break;
      case 'snapshot.taken':
        index.snapshots.push({
          seq: event.seq,
          atMs: event.atMs,
          cause: event.data.cause,
          commit: event.data.commit,
          bundle: event.data.bundle ?? null,
          base: event.data.bundle === undefined ? null : this.baseOf(event.data.base),
          whole: true,
          skipped: event.data.skippedCount ?? event.data.skipped.length,
          skippedMore: event.data.skippedCount === undefined && event.data.skipped.length > 0,
        });
        this.mark(event, 'snapshot', `Snapshot ${snapshotWords(event.data.cause)}`.trimEnd());
        break;
      case 'setup.applied': {
        const { files, keymap } = event.data;
        for (const { path, size } of files) index.files.push({ seq: event.seq, atMs: event.atMs, op: 'created', path, to: null, size });
        const names = files.length === 0 ? 'no dotfiles' : files.map(({ path }) => path).join(', ');
        this.mark(event, 'setup', `Setup laid: ${names}; keymap ${keymap}`.slice(0, 200));
        break;
      }
      case 'submission.captured':
        this.mark(event, 'submission', `Submission captured, ${counted(event.data.files, 'file')}`);
        break;
      case 'clipboard.paste':
        this.mark(event, 'paste', pasteWords(event.data.length, event.data.target));
        break;
      case 'recording.sealed':
        this.addSeal(event);
        break;
      case 'connection.gap':
        this.mark(event, 'gap', gapWords(event.data.reason));
        break;
      case 'blob.lost':
        index.lostBlobs.push(event.data.hash);
        this.mark(event, 'gap', lostBlobWords(event.data.reason, event.data.bytes));
        break;
      case 'focus.page':
        index.focus.push({ atMs: event.atMs, tab: event.data.tab, here: event.data.visible && event.data.focused });
        break;
      case 'connection.attached':
        if (event.data.role === 'runner') this.runnerAttached(event.data.tab, event.atMs);
        break;
      case 'connection.detached':
        // A page that is gone says nothing more of its own.
        if (event.data.role === 'participant') index.focus.push({ atMs: event.atMs, tab: event.data.tab, here: false });
        break;
      case 'resource.sample':
        addResources(index, event);
        break;
    }
  }

  /** A machine that was lost says nothing more of what it had open: that ended at the latest where another takes its place. */
  private runnerAttached(incarnation: string, atMs: number): void {
    const { index } = this;
    const isOther = index.runner !== null && index.runner !== incarnation;
    index.runner = incarnation;
    if (!isOther) return;
    for (const terminal of index.terminals) terminal.closedAtMs ??= atMs;
    for (const terminal of [...this.running.keys()]) this.endCommand(terminal, { endAtMs: atMs, lost: true });
  }

  private endCommand(terminal: number, how: Partial<IndexedEvents['commands'][number]>): void {
    Object.assign(this.running.get(terminal) ?? {}, how);
    this.running.delete(terminal);
  }

  /** An older recording does not say what a bundle builds on: the snapshot before it. */
  private baseOf(base: string | null | undefined): string | null {
    if (base !== undefined) return base;
    return this.index.snapshots.toSorted((a, b) => a.seq - b.seq).at(-1)?.commit ?? null;
  }

  /** What was read before it was sealed goes: an index that grows with a running attempt had it. */
  private addSeal(event: Extract<RecordedEvent, { type: 'recording.sealed' }>): void {
    const { index } = this;
    const { fromMs, toMs, reason } = event.data;
    index.sealed.push({ fromMs, toMs, reason });
    withholdStretch(index, fromMs, toMs);
    // What follows is drawn from the last place that is left, until there is another.
    for (const [terminal, { untilSeq }] of this.lastScreen) {
      const left = index.screens.findLast((screen) => screen.terminal === terminal);
      if (left === undefined) continue;
      left.untilSeq = Math.max(left.untilSeq, untilSeq);
      this.lastScreen.set(terminal, left);
    }
    this.mark(event, 'gap', `Sealed by the participant, ${Math.round((toMs - fromMs) / 60_000)} min: ${reason.slice(0, 80)}`);
  }

  private addClockEvent(event: Extract<RecordedEvent, { type: 'clock.event' }>): void {
    const { index } = this;
    const kind = String(event.data.event.kind);
    index.clock.push({ seq: event.seq, atMs: event.atMs, n: event.data.n, event: event.data.event });
    const open = index.pauses.at(-1);
    if (open && open.toMs === null && kind !== 'paused' && kind !== 'adjusted') open.toMs = event.atMs;
    if (kind === 'paused') index.pauses.push({ fromMs: event.atMs, toMs: null, reason: String(event.data.event.reason ?? '') });
    const marker = clockMarker(event.data.event);
    if (marker !== null) this.mark(event, marker.kind, marker.label);
  }
}

/** The index of the given events, which come in order of `seq`. */
export async function indexEvents(
  events: AsyncIterable<RecordedEvent | OutlinedEvent> | Iterable<RecordedEvent | OutlinedEvent>,
): Promise<IndexedEvents> {
  const builder = new IndexBuilder(emptyIndex());
  for await (const event of events) builder.add(event);
  return builder.take();
}
