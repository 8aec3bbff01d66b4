import type { EventInput, RecordedEvent } from '@plumbline/protocol';
import { indexEvents } from '@plumbline/recording/indexBuilder';
import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import fc from 'fast-check';
import { type DocumentStretch, type MomentReader, momentAt } from './moment.ts';
import { type EventLine, fromEventLine, type MomentAnswer, type ScreenAnswer, toEventLine, toStepLine } from './recordingApi.ts';
import type { ReplaySource } from './replaySource.ts';
import { tailOf, terminalAfter } from './terminalState.ts';

/** For tests: recordings that were never recorded, and a source that answers from one as the routes do. */

const TAB = '00000000-0000-4000-8000-000000000000';
export const START_MS = 1_700_000_000_000;
/** What an index says beside the events. */
export const HEAD = { attemptId: 'a', title: 'T', live: false, limitMs: 3_600_000, direction: 'lower' as const, scoreScale: null };

/** Answers as the routes are told to, from events in memory; every answer crosses the wire format. */
export class MemorySource implements ReplaySource, MomentReader {
  readonly recorded: RecordedEvent[];
  readonly ordered: RecordedEvent[];
  fetched = 0;

  constructor(recorded: RecordedEvent[]) {
    this.recorded = recorded;
    this.ordered = [...recorded].sort((a, b) => a.atMs - b.atMs || a.seq - b.seq);
  }

  async index(): Promise<RecordingIndex> {
    return { ...HEAD, ...(await indexEvents(this.recorded)) };
  }

  async events(fromMs: number, toMs: number): Promise<RecordedEvent[]> {
    this.fetched += 1;
    return this.wire(this.ordered.filter((event) => event.atMs >= fromMs && event.atMs < toMs));
  }

  async moment(atMs: number): Promise<MomentAnswer> {
    return JSON.parse(JSON.stringify(await momentAt(await this.index(), this, atMs)));
  }

  async documentEvents(stretches: readonly DocumentStretch[], untilMs: number): Promise<RecordedEvent[]> {
    return this.recorded.filter((event) => {
      if (!event.type.startsWith('editor.') || event.atMs > untilMs) return false;
      const { tab, path } = event.data as { tab: string; path: string };
      return stretches.some((own) => own.tab === tab && own.path === path && event.seq >= own.fromSeq && event.seq <= own.toSeq);
    });
  }

  isAbandoned(): boolean {
    return false;
  }

  async screen(terminal: number, atMs: number): Promise<ScreenAnswer> {
    const own = this.ordered.filter((event) => event.type.startsWith('terminal.') && event.stream === terminal && event.atMs <= atMs);
    const last = own.findLastIndex((event) => event.type === 'terminal.keyframe');
    const keyframe = own[last];
    const state = terminalAfter(terminal, keyframe?.type === 'terminal.keyframe' ? keyframe.data : null, own.slice(last + 1));
    return {
      terminal,
      base: state?.base ?? null,
      begunAnew: state?.begunAnew === true,
      tail: state === null ? [] : tailOf(state).map(toStepLine),
    };
  }

  async eventsFrom(fromSeq: number): Promise<RecordedEvent[]> {
    return this.wire(this.recorded.filter(({ seq }) => seq >= fromSeq));
  }

  private wire(events: RecordedEvent[]): RecordedEvent[] {
    return events.map((event) => fromEventLine(JSON.parse(JSON.stringify(toEventLine(event))) as EventLine) as RecordedEvent);
  }
}

/** What happens in a made-up recording. */
export type Act =
  | { kind: 'output'; terminal: number; text: string }
  | { kind: 'resize'; terminal: number; cols: number }
  | { kind: 'keyframe' | 'toggle'; terminal: number }
  | { kind: 'edit'; path: string; offset: number; text: string }
  | { kind: 'text' | 'toggleFile'; path: string }
  | { kind: 'select'; path: string; at: number }
  | { kind: 'score' };

const terminal = fc.constantFrom(1, 2);
const path = fc.constantFrom('a.py', 'b.py');
export const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('output' as const), terminal, text: fc.string({ minLength: 1, maxLength: 5 }) }) },
  fc.record({ kind: fc.constant('resize' as const), terminal, cols: fc.integer({ min: 2, max: 90 }) }),
  fc.record({ kind: fc.constantFrom('keyframe' as const, 'toggle' as const), terminal }),
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('edit' as const), path, offset: fc.nat(20), text: fc.string({ maxLength: 4 }) }) },
  fc.record({ kind: fc.constantFrom('text' as const, 'toggleFile' as const), path }),
  fc.record({ kind: fc.constant('select' as const), path, at: fc.nat(20) }),
  fc.record({ kind: fc.constant('score' as const) }),
);
/** How long nothing happens before it. */
export const gapMs = fc.oneof({ weight: 6, arbitrary: fc.nat(2_000) }, { weight: 1, arbitrary: fc.integer({ min: 10_000, max: 200_000 }) });

/** Writes events as a runner and a page would; the screen of a keyframe is all output so far. */
class MadeUpRecording {
  readonly events: RecordedEvent[] = [];
  nowMs = START_MS;
  private readonly terminals = new Map<number, { text: string; cols: number }>();
  private readonly opened = new Map<number, number>();
  private readonly files = new Map<string, string>();
  private scores = 0;

  open(terminal: number): void {
    this.opened.set(terminal, (this.opened.get(terminal) ?? 0) + 1);
    this.terminals.set(terminal, { text: '', cols: 80 });
    this.push('terminal.opened', this.streamOf(terminal), { cols: 80, rows: 24, term: 'xterm', shell: 'bash' });
  }

  /** What cannot happen to a terminal that is closed does not happen. */
  inTerminal(act: Extract<Act, { terminal: number }>): void {
    const own = this.terminals.get(act.terminal);
    const stream = this.streamOf(act.terminal);
    if (!own) {
      if (act.kind === 'toggle') this.open(act.terminal);
    } else if (act.kind === 'toggle') {
      this.terminals.delete(act.terminal);
      this.push('terminal.closed', stream, { exitCode: 0, signal: null });
    } else if (act.kind === 'output') {
      this.push('terminal.output', stream, { offset: bytesOf(own.text).length, bytes: bytesOf(act.text) });
      own.text += act.text;
    } else if (act.kind === 'resize') {
      own.cols = act.cols;
      this.push('terminal.resized', stream, { cols: act.cols, rows: 24 });
    } else {
      this.push('terminal.keyframe', stream, { cols: own.cols, rows: 24, offset: bytesOf(own.text).length, screen: own.text });
    }
  }

  /** Nor does what cannot happen to a file that is not open. */
  inFile(act: Extract<Act, { path: string }>): void {
    const { path } = act;
    const text = this.files.get(path);
    const of = { tab: TAB, path };
    if (text === undefined) {
      if (act.kind !== 'toggleFile') return;
      this.files.set(path, '# start\n');
      this.push('editor.opened', 0, { ...of, hash: '0'.repeat(64), version: 1, text: '# start\n' });
    } else if (act.kind === 'toggleFile') {
      this.files.delete(path);
      this.push('editor.closed', 0, of);
    } else if (act.kind === 'edit') {
      const offset = Math.min(act.offset, text.length);
      this.files.set(path, text.slice(0, offset) + act.text + text.slice(offset + 1));
      this.push('editor.changed', 0, { ...of, version: 2, changes: [{ offset, length: 1, text: act.text }] });
    } else if (act.kind === 'text') {
      this.push('editor.text', 0, { ...of, version: 3, text });
    } else if (act.kind === 'select') {
      this.push('editor.selection', 0, { ...of, anchor: act.at, active: act.at });
    }
  }

  score(): void {
    this.scores += 1;
    const of = { scoreId: String(this.scores), n: this.scores, trigger: 'participant' };
    this.push('score.finished', 0, { ...of, status: 'scored', score: 1, message: null, durationMs: 1 });
  }

  /** Another one each time that a terminal of that number is opened. */
  private streamOf(terminal: number): number {
    return terminal + 10 * (this.opened.get(terminal) ?? 0);
  }

  private push(type: EventInput['type'], stream: number, data: unknown): void {
    this.events.push({ type, stream, data, atMs: this.nowMs, seq: this.events.length + 1 } as RecordedEvent);
  }
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A recording in which the screen of a keyframe is all output so far, so that any two ways to a screen can be compared. */
export function recordingOf(acts: [gapMs: number, act: Act][]): RecordedEvent[] {
  const made = new MadeUpRecording();
  made.open(1);
  for (const [gap, act] of acts) {
    made.nowMs += gap;
    if ('terminal' in act) made.inTerminal(act);
    else if ('path' in act) made.inFile(act);
    else made.score();
  }
  return made.events;
}
