import { VIEWER_BEHIND_MAX_BYTES } from '@plumbline/protocol';

/** What a flow needs of the outside: where frames go, and how to ask for a fresh screen. */
export interface ViewerSink {
  sendOutput(terminal: number, offset: number, bytes: Uint8Array): void;
  requestRestore(terminal: number): void;
  /** Calls back after so long; never after the viewer has gone. */
  later(delayMs: number, call: () => void): void;
}

/** Below this lag a viewer that fell behind is worth a fresh screen; above it the screen would queue behind old output. */
const RESUME_BELOW_BYTES = 256 * 1024;
/**
 * A screen with its scrollback costs the sandbox as much as megabytes of output, so a viewer that cannot keep up with a
 * flood gets one at most this often.
 */
const RESTORE_EVERY_MS = 500;

/**
 * One viewer's flow of one terminal. States: waiting for a screen (output since the request is kept), live, or behind
 * (output is dropped until the viewer has drawn what it was sent, then it gets a fresh screen). The recording and the
 * other viewers never wait for it, and what is held for it is bounded by VIEWER_BEHIND_MAX_BYTES.
 */
export class ViewerFlow {
  readonly #terminal: number;
  readonly #sink: ViewerSink;
  #state: 'waiting' | 'live' | 'behind' = 'waiting';
  #kept: { offset: number; bytes: Uint8Array }[] = [];
  #keptBytes = 0;
  #keptOverflowed = false;
  #resting = false;
  #sentBytes = 0;
  #drawnBytes = 0;

  constructor(terminal: number, sink: ViewerSink) {
    this.#terminal = terminal;
    this.#sink = sink;
  }

  /** Bytes sent and not yet drawn. */
  get behindBytes(): number {
    return this.#sentBytes - this.#drawnBytes;
  }

  get waiting(): boolean {
    return this.#state === 'waiting';
  }

  /** Asks for a screen; output from now on is kept until it comes. Asked again, whichever answer comes first serves. */
  start(): void {
    if (this.#state !== 'waiting') this.#forgetKept();
    this.#state = 'waiting';
    this.#sink.requestRestore(this.#terminal);
  }

  /** The screen has been sent; `offset` output bytes are in it. Counters start anew: the viewer counts from its reset. */
  restored(offset: number): void {
    if (this.#state !== 'waiting') return;
    this.#sentBytes = 0;
    this.#drawnBytes = 0;
    this.#rest();
    if (this.#keptOverflowed) {
      // The screen is older than what was kept: it is shown, and a newer one follows.
      this.#state = 'behind';
      return;
    }
    const kept = this.#kept;
    this.#forgetKept();
    this.#state = 'live';
    for (const chunk of kept) {
      const end = chunk.offset + chunk.bytes.length;
      if (end <= offset) continue;
      const skip = Math.max(0, offset - chunk.offset);
      this.#send(chunk.offset + skip, chunk.bytes.subarray(skip));
    }
  }

  output(offset: number, bytes: Uint8Array): void {
    if (this.#state === 'waiting') {
      if (this.#keptBytes + bytes.length > VIEWER_BEHIND_MAX_BYTES) {
        this.#kept = [];
        this.#keptBytes = 0;
        this.#keptOverflowed = true;
      }
      if (this.#keptOverflowed) return;
      this.#kept.push({ offset, bytes });
      this.#keptBytes += bytes.length;
      return;
    }
    if (this.#state === 'behind') return;
    if (this.behindBytes + bytes.length > VIEWER_BEHIND_MAX_BYTES) {
      this.#state = 'behind';
      return;
    }
    this.#send(offset, bytes);
  }

  /** The viewer's count of bytes drawn since its restore. A number that cannot be is ignored: it comes from a browser. */
  credit(drawnBytes: number): void {
    if (drawnBytes < this.#drawnBytes || drawnBytes > this.#sentBytes) return;
    this.#drawnBytes = drawnBytes;
    this.#catchUp();
  }

  #catchUp(): void {
    if (this.#state === 'behind' && !this.#resting && this.behindBytes <= RESUME_BELOW_BYTES) this.start();
  }

  #rest(): void {
    this.#resting = true;
    this.#sink.later(RESTORE_EVERY_MS, () => {
      this.#resting = false;
      this.#catchUp();
    });
  }

  #forgetKept(): void {
    this.#kept = [];
    this.#keptBytes = 0;
    this.#keptOverflowed = false;
  }

  #send(offset: number, bytes: Uint8Array): void {
    this.#sentBytes += bytes.length;
    this.#sink.sendOutput(this.#terminal, offset, bytes);
  }
}
