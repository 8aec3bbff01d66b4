import { randomUUID } from 'node:crypto';
import {
  decodeOutputFrame,
  encodeInputFrame,
  GatewayToBrowser,
  INPUT_CHUNK_BYTES,
  PROTOCOL_VERSION,
  type RequestAct,
  type RequestArgs,
  type RequestResult,
  VIEWER_CREDIT_BYTES,
} from '@plumbline/protocol';
import { WebSocket } from 'ws';
import type { Session } from './session.ts';

interface HeldInput {
  n: number;
  frame: Uint8Array;
}

interface HeldEvent {
  n: number;
  message: string;
}

/** What a tab was shown of one terminal: the bytes of its output from `offset` on, gapless within a stretch. */
export interface ShownStretch {
  offset: number;
  bytes: Buffer[];
  length: number;
}

/**
 * A browser tab without a browser: the same protocol, the same promises. Keeps its input and its events until they are durable,
 * reconnects with a new ticket when the socket ends, and remembers every byte of output that it was shown.
 */
export class Tab {
  readonly id = randomUUID();
  readonly attemptId: string;
  readonly shown = new Map<number, ShownStretch[]>();
  readonly messages: GatewayToBrowser[] = [];
  readonly errors: { code: string; message: string }[] = [];
  closeCodes: { code: number; reason: string }[] = [];
  onOutput: (terminal: number, bytes: Uint8Array) => void = () => {};
  onMessage: (message: GatewayToBrowser) => void = () => {};
  drawing = true;
  reconnects = 0;
  sandbox: 'attached' | 'away' = 'away';
  /** The number of the last clock event that it was told of. */
  clockN = 0;
  /** Numbers of events that this tab can send no more: the only ones that a gap may stand for. */
  readonly lostEvents = new Set<number>();
  readonly #session: Session;
  #socket: WebSocket | null = null;
  #held: HeldInput[] = [];
  #inputN = 0;
  #heldEvents: HeldEvent[] = [];
  #eventN = 0;
  #welcomed = false;
  #requests = 0;
  readonly #pending = new Map<string, { resolve(value: unknown): void; reject(error: Error): void }>();
  readonly #watching = new Set<number>();
  readonly #drawn = new Map<number, { drawn: number; credited: number }>();
  #ended = false;

  constructor(session: Session, attemptId: string) {
    this.#session = session;
    this.attemptId = attemptId;
  }

  get connected(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  get unacknowledgedInput(): number {
    return this.#held.length;
  }

  get unacknowledgedEvents(): number {
    return this.#heldEvents.length;
  }

  /** How many events it has said. */
  get eventCount(): number {
    return this.#eventN;
  }

  /** Connects, and from now on reconnects by itself until `end`. Resolves with the first welcome. */
  async open(): Promise<Extract<GatewayToBrowser, { t: 'welcome' }>> {
    const welcome = this.next((message) => message.t === 'welcome');
    void this.#connect();
    return welcome as Promise<Extract<GatewayToBrowser, { t: 'welcome' }>>;
  }

  end(): void {
    this.#ended = true;
    this.#socket?.close();
  }

  /** Cuts the socket without a goodbye, as a lost network does. */
  cut(): void {
    this.#socket?.terminate();
  }

  /** The next message that satisfies the test, of those that are still to come. */
  next(test: (message: GatewayToBrowser) => boolean, timeoutMs = 60_000): Promise<GatewayToBrowser> {
    return new Promise((resolve, reject) => {
      const previous = this.onMessage;
      const timer = setTimeout(() => {
        this.onMessage = previous;
        reject(new Error('no such message came in time'));
      }, timeoutMs);
      this.onMessage = (message) => {
        previous(message);
        if (!test(message)) return;
        clearTimeout(timer);
        this.onMessage = previous;
        resolve(message);
      };
    });
  }

  /** Asks. Rejects at once while it is not connected: nobody would ever answer. */
  async request<A extends RequestAct>(act: A, args: RequestArgs<A>): Promise<RequestResult<A>> {
    if (!this.connected) throw new Error(`not connected: ${act} was not asked`);
    this.#requests += 1;
    const id = `${this.id}:${this.#requests}`;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#send({ t: 'request', id, act, args });
    });
  }

  watch(terminal: number): void {
    this.#watching.add(terminal);
    this.#send({ t: 'attach', terminal });
  }

  /** Types into a terminal; a long text is one block, as a paste is. */
  type(terminal: number, text: string): void {
    const bytes = Buffer.from(text, 'utf8');
    for (let at = 0; at < bytes.length || at === 0; at += INPUT_CHUNK_BYTES) {
      this.#inputN += 1;
      const frame = encodeInputFrame({
        terminal,
        n: this.#inputN,
        more: at + INPUT_CHUNK_BYTES < bytes.length,
        bytes: bytes.subarray(at, at + INPUT_CHUNK_BYTES),
      });
      this.#held.push({ n: this.#inputN, frame });
      if (this.connected && this.sandbox === 'attached') this.#socket?.send(frame);
    }
  }

  /** Says that its editor changed; the event's version is its number. */
  edit(): void {
    this.#eventN += 1;
    const data = { tab: this.id, path: 'notes.md', version: this.#eventN, changes: [{ offset: 0, length: 0, text: 'x' }] };
    const message = JSON.stringify({ t: 'event', n: this.#eventN, type: 'editor.changed', monoMs: performance.now(), data });
    this.#heldEvents.push({ n: this.#eventN, message });
    if (this.#welcomed && this.connected) this.#socket?.send(message);
  }

  /** A reload in a browser that keeps no database, in the middle of `edits`: what was not durable yet is gone, and the numbers go on. */
  losePage(edits: number): void {
    this.cut();
    for (let i = 0; i < edits; i++) this.edit();
    for (const { n } of this.#heldEvents) this.lostEvents.add(n);
    this.#heldEvents = [];
  }

  /** Everything ever shown of a terminal as lines of text; holes are where a screen replaced bytes. */
  text(terminal: number): string {
    return linesOf(Buffer.concat((this.shown.get(terminal) ?? []).flatMap((stretch) => stretch.bytes)));
  }

  sendRaw(data: string | Uint8Array): void {
    this.#socket?.send(data);
  }

  #send(message: unknown): void {
    if (this.connected) this.#socket?.send(JSON.stringify(message));
  }

  async #connect(): Promise<void> {
    while (!this.#ended) {
      try {
        const { ticket } = await this.#session.mutate<{ ticket: string }>('attempt.ticket', {
          attemptId: this.attemptId,
        });
        await this.#live(ticket);
      } catch {
        // The web process may be the one that is down.
      }
      if (this.#ended) return;
      this.reconnects += 1;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  #live(ticket: string): Promise<void> {
    return new Promise((resolve) => {
      const url = `${this.#session.baseUrl.replace(/^http/, 'ws')}/realtime/attempt?ticket=${ticket}`;
      const socket = new WebSocket(url, { headers: { origin: this.#session.baseUrl }, perMessageDeflate: false });
      this.#socket = socket;
      socket.on('open', () => {
        this.#send({
          t: 'hello',
          protocol: PROTOCOL_VERSION,
          tab: this.id,
          firstEventN: this.#heldEvents[0]?.n ?? this.#eventN + 1,
          firstInputN: this.#held[0]?.n ?? this.#inputN + 1,
          monoMs: performance.now(),
        });
      });
      socket.on('message', (data: Buffer, isBinary: boolean) =>
        isBinary ? this.#output(data) : this.#receive(JSON.parse(data.toString())),
      );
      socket.on('error', () => {});
      socket.on('close', (code, reason) => {
        this.closeCodes.push({ code, reason: reason.toString() });
        this.sandbox = 'away';
        this.#welcomed = false;
        for (const pending of this.#pending.values()) pending.reject(new Error('the socket closed'));
        this.#pending.clear();
        resolve();
      });
    });
  }

  #receive(raw: unknown): void {
    const message = GatewayToBrowser.parse(raw);
    if (this.messages.length < 10_000) this.messages.push(message);
    switch (message.t) {
      case 'clock':
        this.clockN = message.clock.n;
        break;
      case 'welcome':
        this.clockN = message.clock.n;
        this.sandbox = message.sandbox;
        for (const terminal of this.#watching) this.#send({ t: 'attach', terminal });
        this.#welcomed = true;
        this.#forget(message.inputDurable, message.eventsDurable);
        this.#resendEvents();
        if (message.sandbox === 'attached') this.#resend();
        break;
      case 'sandbox':
        this.sandbox = message.state;
        if (message.state === 'attached') {
          // A gateway that was started while the runner was away knew none of them, as a page too has to see.
          for (const terminal of this.#watching) this.#send({ t: 'attach', terminal });
          this.#resendEvents();
          this.#resend();
        }
        break;
      case 'durable':
        this.#forget(message.input, message.events);
        break;
      case 'restore':
        this.#drawn.set(message.terminal, { drawn: 0, credited: 0 });
        this.#stretches(message.terminal).push({ offset: message.offset, bytes: [], length: 0 });
        break;
      case 'reply': {
        const pending = this.#pending.get(message.id);
        this.#pending.delete(message.id);
        if (message.error !== undefined) pending?.reject(new Error(`${message.error.code}: ${message.error.message}`));
        else pending?.resolve(message.result);
        break;
      }
      case 'ping':
        this.#send({ t: 'pong', id: message.id });
        break;
      case 'error':
        this.errors.push(message.error);
    }
    this.onMessage(message);
  }

  #output(data: Buffer): void {
    const frame = decodeOutputFrame(data);
    if (frame === null) throw new Error('the gateway sent a malformed output frame');
    const stretch = this.#stretches(frame.terminal).at(-1);
    if (stretch === undefined || frame.offset !== stretch.offset + stretch.length) {
      throw new Error(
        `terminal ${frame.terminal}: output at ${frame.offset} does not follow ${stretch === undefined ? 'a screen' : stretch.offset + stretch.length}`,
      );
    }
    // The frame's memory is the socket's; what is kept must be a copy.
    stretch.bytes.push(Buffer.from(frame.bytes));
    stretch.length += frame.bytes.length;
    this.onOutput(frame.terminal, frame.bytes);
    const drawn = this.#drawn.get(frame.terminal) ?? { drawn: 0, credited: 0 };
    drawn.drawn += frame.bytes.length;
    this.#drawn.set(frame.terminal, drawn);
    if (this.drawing && drawn.drawn - drawn.credited >= VIEWER_CREDIT_BYTES) {
      drawn.credited = drawn.drawn;
      this.#send({ t: 'credit', terminal: frame.terminal, drawnBytes: drawn.drawn });
    }
  }

  /** Draws what it was sent while `drawing` was false. */
  drawAll(): void {
    this.drawing = true;
    for (const [terminal, { drawn }] of this.#drawn) this.#send({ t: 'credit', terminal, drawnBytes: drawn });
  }

  #stretches(terminal: number): ShownStretch[] {
    const stretches = this.shown.get(terminal) ?? [];
    this.shown.set(terminal, stretches);
    return stretches;
  }

  /** A network that delivers twice and in any order: some of what is not durable yet is sent again. */
  stutter(random: () => number): void {
    const again = this.#held.filter(() => random() < 0.5).sort(() => random() - 0.5);
    for (const { frame } of again) if (this.connected && this.sandbox === 'attached') this.#socket?.send(frame);
  }

  #forget(input: number, events: number): void {
    this.#held = this.#held.filter((held) => held.n > input);
    this.#heldEvents = this.#heldEvents.filter((held) => held.n > events);
  }

  #resendEvents(): void {
    for (const { message } of this.#heldEvents) this.#socket?.send(message);
  }

  #resend(): void {
    for (const { frame } of this.#held) this.#socket?.send(frame);
  }
}

/** What bash says about bracketed paste around each prompt. */
const BRACKETED_PASTE = new RegExp(`${String.fromCharCode(27)}\\[\\?2004[hl]\r?`, 'g');

/** Where bash says that a command begins and ends, which terminals draw nothing for. */
const SHELL_MARKS = new RegExp(`${String.fromCharCode(27)}\\]633;[^${String.fromCharCode(7)}]*${String.fromCharCode(7)}`, 'g');

/** A terminal's output as lines of text. */
export function linesOf(output: Uint8Array): string {
  return Buffer.from(output).toString('utf8').replace(SHELL_MARKS, '').replace(BRACKETED_PASTE, '').replaceAll('\r\n', '\n');
}
