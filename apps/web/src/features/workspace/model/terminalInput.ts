import { encodeInputFrame, INPUT_CHUNK_BYTES, PASTE_MAX_BYTES, UNACKNOWLEDGED_INPUT_MAX_BYTES } from '@plumbline/protocol';
import type { BrowserTime } from './browserTime.ts';
import { Signal } from './signal.ts';
import type { NumberKeeper } from './tabOutbox.ts';

/**
 * What is typed into this tab's terminals, as numbered frames: held until the gateway says that they are durable, and
 * sent again after a reconnect. Not kept over a reload: keys that ran late, in a page that does not show them, would surprise.
 */

export interface TerminalInputOptions {
  time: BrowserTime;
  numbers: NumberKeeper;
  /** Puts a frame on the wire; false while there is none. */
  sendBinary: (bytes: Uint8Array) => boolean;
  bufferedBytes: () => number;
}

interface HeldFrame {
  n: number;
  encoded: Uint8Array;
}

export type InputOutcome = 'taken' | 'too_large' | 'full';

/** Above this the browser holds enough: frames wait here, so that a resend or a ping is not stuck behind them. */
const WIRE_BUFFER_BYTES = 512 * 1024;
const WIRE_POLL_MS = 30;

export class TerminalInput {
  /** Emits when the cap is reached or left. */
  readonly fullChanged = new Signal<boolean>();
  full = false;
  private readonly options: TerminalInputOptions;
  private held: HeldFrame[] = [];
  private heldBytes = 0;
  /** Position in `held` of the next frame to put on the wire. */
  private sent = 0;
  private nextN: number;
  private welcomed = false;
  private cancelPump: (() => void) | null = null;

  constructor(options: TerminalInputOptions) {
    this.options = options;
    this.nextN = Math.max(1, options.numbers.read());
  }

  get firstN(): number {
    return this.held[0]?.n ?? this.nextN;
  }

  get waitingBytes(): number {
    return this.heldBytes;
  }

  /** Takes one block: a key, or a whole paste. It reaches the terminal undivided, however many frames it needs. */
  offer(terminal: number, bytes: Uint8Array): InputOutcome {
    if (bytes.length === 0) return 'taken';
    // Bracketing adds 12 bytes to a paste, which are not the participant's.
    if (bytes.length > PASTE_MAX_BYTES + 12) return 'too_large';
    if (this.full || this.heldBytes + bytes.length > UNACKNOWLEDGED_INPUT_MAX_BYTES) {
      this.setFull(true);
      return 'full';
    }
    for (let at = 0; at < bytes.length; at += INPUT_CHUNK_BYTES) {
      const chunk = bytes.subarray(at, at + INPUT_CHUNK_BYTES);
      const encoded = encodeInputFrame({ terminal, n: this.nextN, more: at + chunk.length < bytes.length, bytes: chunk });
      this.held.push({ n: this.nextN, encoded });
      this.heldBytes += encoded.length;
      this.nextN += 1;
    }
    this.options.numbers.write(this.nextN);
    this.pump();
    return 'taken';
  }

  /** The gateway's answer to `hello`: drops what is durable, sends the rest again in order. */
  onWelcome(inputDurable: number): void {
    this.welcomed = true;
    this.onDurable(inputDurable);
    if (inputDurable >= this.nextN) {
      this.nextN = inputDurable + 1;
      this.options.numbers.write(this.nextN);
    }
    this.sent = 0;
    this.pump();
  }

  onDisconnected(): void {
    this.welcomed = false;
    this.cancelPump?.();
    this.cancelPump = null;
  }

  /** All frames up to `n` are committed. */
  onDurable(n: number): void {
    let drop = 0;
    for (const frame of this.held) {
      if (frame.n > n) break;
      this.heldBytes -= frame.encoded.length;
      drop += 1;
    }
    if (drop === 0) return;
    this.held = this.held.slice(drop);
    this.sent = Math.max(0, this.sent - drop);
    // Half of the cap free again before typing is allowed, so that the state does not flicker.
    if (this.full && this.heldBytes <= UNACKNOWLEDGED_INPUT_MAX_BYTES / 2) this.setFull(false);
  }

  private setFull(full: boolean): void {
    if (this.full === full) return;
    this.full = full;
    this.fullChanged.emit(full);
  }

  private pump(): void {
    if (!this.welcomed) return;
    while (this.sent < this.held.length) {
      if (this.options.bufferedBytes() > WIRE_BUFFER_BYTES) {
        this.cancelPump ??= this.options.time.after(WIRE_POLL_MS, () => {
          this.cancelPump = null;
          this.pump();
        });
        return;
      }
      const frame = this.held[this.sent];
      if (!frame || !this.options.sendBinary(frame.encoded)) return;
      this.sent += 1;
    }
  }
}
