import type { EventData, RecordedEvent } from '@plumbline/protocol';
import { clockMarker, scoreWords } from './markerWords.ts';

/**
 * asciicast v2 (https://docs.asciinema.org/manual/asciicast/v2/) of one terminal: a header, then one array a line with
 * seconds since the terminal was opened. Characters that output splits between events are whole again here, and after output that is
 * missing the screen begins anew, empty, which a marker says, until the next keyframe has the whole of it.
 */
export interface CastOptions {
  /** Put in what was typed, as `i` events. Off by default: it may hold what nobody wants published. */
  input?: boolean;
}

export interface CastMarker {
  atMs: number;
  label: string;
}

/** Makes a terminal as new. */
const RESET = '\x1bc';
const BEGUN_ANEW = 'Begun anew after a stretch that is not shown';

const newDecoder = () => new TextDecoder('utf-8', { ignoreBOM: true });

/** Writes the cast of one terminal, line by line with newlines, from its events in the order of time. */
export class CastWriter {
  private readonly options: CastOptions;
  private decoder = newDecoder();
  private startMs = 0;
  private lastSeconds = 0;
  private opened = false;
  private closed = false;
  /** Bytes of output that are written, or lie before what is. */
  private offset = 0;
  /** Output before what is drawn is missing: the next keyframe has what it left on the screen. */
  private begunAnew = false;
  /** Since it began anew nothing came but the end of a character whose beginning is missing. */
  private isWithinCharacter = false;
  private cols = 0;
  private rows = 0;

  constructor(options: CastOptions = {}) {
    this.options = options;
  }

  /** Whether the terminal's opening was seen: without it there is no header, and nothing can be written. */
  get isOpened(): boolean {
    return this.opened;
  }

  /** The lines for one event of the terminal; none for those that a cast has no word for. */
  write(event: RecordedEvent): string {
    if (event.type === 'terminal.opened') return this.opened ? '' : this.header(event.data, event.atMs);
    if (!this.opened) return '';
    switch (event.type) {
      case 'terminal.output':
        return this.output(event);
      case 'terminal.keyframe':
        return this.mended(event);
      case 'terminal.input':
        if (this.options.input !== true || event.data.bytes === undefined) return '';
        return this.line(event.atMs, 'i', Buffer.from(event.data.bytes).toString('utf8'));
      case 'terminal.resized':
        return this.resized(event.atMs, event.data);
      case 'terminal.closed':
        this.closed = true;
        return this.line(event.atMs, 'o', this.decoder.decode());
      default:
        return '';
    }
  }

  /** A marker, such as a score or a pause. Markers before the terminal was opened or after it was closed are left out. */
  mark({ atMs, label }: CastMarker): string {
    return this.opened && !this.closed && atMs >= this.startMs ? this.line(atMs, 'm', label) : '';
  }

  /** What the screen has not had yet: a part may have come with a keyframe. */
  private output({ atMs, data: { offset, bytes } }: Extract<RecordedEvent, { type: 'terminal.output' }>): string {
    const end = offset + bytes.length;
    if (end <= this.offset) return '';
    const isAnew = offset > this.offset;
    // A character whose end is missing goes with the screen.
    if (isAnew) this.decoder = newDecoder();
    this.begunAnew ||= isAnew;
    this.isWithinCharacter ||= isAnew;
    const read = isAnew ? bytes : bytes.subarray(Math.max(0, this.offset - offset));
    const fresh = this.isWithinCharacter ? fromCharacter(read) : read;
    this.isWithinCharacter &&= fresh.length === 0;
    this.offset = end;
    const text = this.decoder.decode(fresh, { stream: true });
    if (!isAnew) return this.line(atMs, 'o', text);
    return this.line(atMs, 'm', BEGUN_ANEW) + this.line(atMs, 'o', RESET + text);
  }

  /** After a hole the screen is drawn anew, on a terminal as new. */
  private mended({ atMs, data }: Extract<RecordedEvent, { type: 'terminal.keyframe' }>): string {
    if (data.offset < this.offset || (data.offset === this.offset && !this.begunAnew)) return '';
    this.begunAnew = false;
    this.isWithinCharacter = false;
    this.offset = data.offset;
    this.decoder = newDecoder();
    const size = data.cols === this.cols && data.rows === this.rows ? '' : this.resized(atMs, data);
    return size + this.line(atMs, 'o', RESET + data.screen);
  }

  private resized(atMs: number, { cols, rows }: { cols: number; rows: number }): string {
    this.cols = cols;
    this.rows = rows;
    return this.line(atMs, 'r', `${cols}x${rows}`);
  }

  private header(data: EventData<'terminal.opened'>, atMs: number): string {
    this.opened = true;
    this.startMs = atMs;
    this.cols = data.cols;
    this.rows = data.rows;
    const header = {
      version: 2,
      width: data.cols,
      height: data.rows,
      timestamp: Math.floor(atMs / 1000),
      env: { TERM: data.term, SHELL: data.shell },
    };
    return `${JSON.stringify(header)}\n`;
  }

  private line(atMs: number, code: string, text: string): string {
    if (text === '') return '';
    // Players need times that never go back; an event that is a hair earlier than the one before it is drawn with it.
    this.lastSeconds = Math.max(this.lastSeconds, Math.round((atMs - this.startMs) * 1000) / 1_000_000);
    return `[${this.lastSeconds},"${code}",${JSON.stringify(text)}]\n`;
  }
}

/** The bytes from the first character on that begins among them. */
function fromCharacter(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length && ((bytes[start] as number) & 0xc0) === 0x80) start += 1;
  return bytes.subarray(start);
}

/** The marker that an event stands for in every terminal's cast, or null: a score, or what happened to the clock. */
export function castMarkerOf(event: RecordedEvent): CastMarker | null {
  if (event.type === 'score.finished') {
    const { n, score, status } = event.data;
    return { atMs: event.atMs, label: scoreWords(n, score, status) };
  }
  const marker = event.type === 'clock.event' ? clockMarker(event.data.event) : null;
  return marker && { atMs: event.atMs, label: marker.label };
}
