import type { RecordedEvent } from '@plumbline/protocol';

/** An event is as much work as so much output, however little it has. */
const EVENT_BYTES = 1024;
/** Cells of a screen that are looked at in the time in which a byte of output is drawn. */
const CELLS_AS_BYTE = 8;

/** What a search may still do, in bytes of output drawn, before its answer is due; shared by all terminals that it draws. */
export class SearchWork {
  private readonly maxBytes: number;
  private readonly signal: AbortSignal | undefined;
  private doneBytes = 0;

  constructor(maxBytes: number, signal?: AbortSignal) {
    this.maxBytes = maxBytes;
    this.signal = signal;
  }

  /** Nobody waits for the answer any more. */
  get isAbandoned(): boolean {
    return this.signal?.aborted === true;
  }

  tookEvent(): void {
    this.doneBytes += EVENT_BYTES;
  }

  drew(bytes: number): void {
    this.doneBytes += bytes;
  }

  lookedAt(rows: number, cols: number): void {
    this.doneBytes += bytesToLook(rows, cols);
  }

  /** Whether the answer is due once so much more is done. */
  isOverAfter(bytes: number): boolean {
    return this.isAbandoned || this.doneBytes + bytes > this.maxBytes;
  }
}

/** Tells what events will cost before they are drawn: after each, all of its terminal's screen may have to be looked at. */
export class ExpectedWork {
  private readonly lookBytes = new Map<number, number>();

  /** Of the next event of the log, in bytes of output drawn. */
  bytesOf(event: RecordedEvent): number {
    return this.bytesToDraw(event) + (this.lookBytes.get(event.stream) ?? 0);
  }

  /** The same where nobody looks at what was drawn. */
  bytesToDraw(event: RecordedEvent): number {
    if (event.type === 'terminal.opened' || event.type === 'terminal.resized' || event.type === 'terminal.keyframe')
      this.lookBytes.set(event.stream, bytesToLook(event.data.rows, event.data.cols));
    if (event.type === 'terminal.output') return EVENT_BYTES + event.data.bytes.length;
    return EVENT_BYTES + (event.type === 'terminal.keyframe' ? event.data.screen.length : 0);
  }
}

function bytesToLook(rows: number, cols: number): number {
  return (Math.max(0, rows) * cols) / CELLS_AS_BYTE;
}
