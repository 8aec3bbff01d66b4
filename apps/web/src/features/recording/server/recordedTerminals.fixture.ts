import type { RecordedEvent } from '@plumbline/protocol';
import { indexEvents } from '@plumbline/recording/indexBuilder';
import type { EventRange } from '@plumbline/recording/reader';
import { headlessTerminal } from '@plumbline/screens/headlessTerminal';
import type { Terminal } from '@xterm/headless';
import type { SearchAnswer } from '../../replay/model/recordingApi.ts';
import { searchOutput } from './outputSearch.ts';

/** Recordings of terminals in memory, for tests of what is found in them. */

const START_MS = 1_790_000_000_000;

/** Terminals' events, a second apart, as a recorder writes them; the first of each opens it. */
export class RecordedTerminals {
  readonly events: RecordedEvent[] = [];
  /** Between the last event and the next. */
  stepMs = 1_000;
  /** What the last answer took from the recording. */
  readEvents = 0;
  private readonly offsets = new Map<number, number>();

  open(terminal: number, cols: number, rows: number): this {
    this.offsets.set(terminal, 0);
    return this.push(terminal, 'terminal.opened', { cols, rows, term: 'xterm-256color', shell: '/bin/bash' });
  }

  put(terminal: number, bytes: string | Uint8Array): this {
    const offset = this.offsets.get(terminal) as number;
    const data = Buffer.from(bytes as Uint8Array);
    this.offsets.set(terminal, offset + data.length);
    return this.push(terminal, 'terminal.output', { offset, bytes: data });
  }

  close(terminal: number): this {
    return this.push(terminal, 'terminal.closed', { exitCode: 0, signal: null });
  }

  resize(terminal: number, cols: number, rows: number): this {
    return this.push(terminal, 'terminal.resized', { cols, rows });
  }

  keyframe(terminal: number, cols: number, rows: number, screen: string): this {
    return this.push(terminal, 'terminal.keyframe', { cols, rows, offset: this.offsets.get(terminal), screen });
  }

  /** What is put out from here on comes after output that was lost. */
  lose(terminal: number, bytes: number): this {
    this.offsets.set(terminal, (this.offsets.get(terminal) as number) + bytes);
    return this;
  }

  private push(stream: number, type: string, data: unknown): this {
    const last = this.events.at(-1);
    const atMs = last === undefined ? START_MS : last.atMs + this.stepMs;
    this.events.push({ seq: this.events.length + 1, atMs, stream, type, data } as unknown as RecordedEvent);
    return this;
  }

  /** One answer, as the route gives it. */
  async page(text: string, after: string | null = null, signal?: AbortSignal): Promise<SearchAnswer> {
    this.readEvents = 0;
    const events = this.events;
    const onRead = () => (this.readEvents += 1);
    const recording = {
      async *events({ fromSeq = 1, toSeq = Number.POSITIVE_INFINITY, types, stream }: EventRange = {}) {
        for (const event of events) {
          if (event.seq < fromSeq || event.seq > toSeq || (stream !== undefined && event.stream !== stream)) continue;
          if (types?.has(event.type) === false) continue;
          onRead();
          yield event;
        }
      },
    };
    return searchOutput({ recording, index: await indexEvents(events), text, after, signal });
  }

  /** All that is found: second, terminal and line of each. */
  async find(text: string): Promise<[number, number, string][]> {
    const found: SearchAnswer['hits'] = [];
    for (let after: string | null = null, pages = 0; pages === 0 || after !== null; pages += 1) {
      const page: SearchAnswer = await this.page(text, after);
      found.push(...page.hits);
      after = page.next;
    }
    return found.map(({ atMs, terminal, line }) => [(atMs - START_MS) / 1_000, terminal, line]);
  }

  /** The rows of a terminal's screen after each event, by a terminal of its own that is given all of it. */
  async screens(terminal: number): Promise<string[][]> {
    let drawn: Terminal | null = null;
    const screens: string[][] = [];
    for (const event of this.events) {
      if (event.stream === terminal) {
        if (event.type === 'terminal.opened') drawn = headlessTerminal({ cols: event.data.cols, rows: event.data.rows });
        if (event.type === 'terminal.resized') drawn?.resize(event.data.cols, event.data.rows);
        if (event.type === 'terminal.output') await new Promise<void>((resolve) => drawn?.write(event.data.bytes, resolve));
      }
      screens.push(drawn === null ? [] : rowsOf(drawn));
    }
    return screens;
  }
}

function rowsOf({ rows, buffer: { active } }: Terminal): string[] {
  return Array.from({ length: rows }, (_, row) => active.getLine(active.baseY + row)?.translateToString(true) ?? '');
}
