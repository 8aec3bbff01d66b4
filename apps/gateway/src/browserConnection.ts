import { randomUUID } from 'node:crypto';
import { type Actor, AppError, toAppError } from '@plumbline/core';
import {
  BrowserToGateway,
  CLOSE_CODES,
  decodeInputFrame,
  encodeOutputFrame,
  type GatewayToBrowser,
  type InputFrame,
  PASTE_MAX_BYTES,
  PING_AFTER_MS,
  PROTOCOL_VERSION,
} from '@plumbline/protocol';
import type { WebSocket } from 'ws';
import { SourceTime } from './serverTime.ts';
import { ViewerFlow } from './viewerFlow.ts';

/**
 * What comes faster is read later: a fast typist with focus events stays under 100 a second, and a tab that was away for minutes sends
 * at once all that it kept.
 */
const MESSAGES_PER_SECOND_MAX = 2_000;
/** For the word of a broken frame to arrive. */
const TOLD_OF_ERROR_MS = 2_000;

export interface BrowserIdentity {
  actor: Actor;
  sessionId: string;
}

export interface BrowserHandlers {
  onHello(connection: BrowserConnection): void;
  onRequest(connection: BrowserConnection, request: { id: string; act: string; args: unknown }): void;
  onEvent(connection: BrowserConnection, event: { n: number; type: string; atMs: number; data: unknown }): void;
  onInput(connection: BrowserConnection, frame: InputFrame): void;
  onAttach(connection: BrowserConnection, terminal: number): void;
  onLatency(connection: BrowserConnection, roundTripMs: number): void;
  onClose(connection: BrowserConnection, code: number): void;
}

/**
 * The gateway's end of one browser tab: parses and bounds what it sends, and keeps one flow per watched terminal.
 * It knows nothing of the attempt's rules. Everything that arrives is hostile.
 */
export class BrowserConnection {
  readonly id = randomUUID();
  readonly identity: BrowserIdentity;
  readonly #socket: WebSocket;
  readonly #handlers: BrowserHandlers;
  readonly #nowMs: () => number;
  readonly #flows = new Map<number, ViewerFlow>();
  readonly #time: SourceTime;
  readonly #blockBytes = new Map<number, number>();
  readonly #probe: NodeJS.Timeout;
  #tab: string | null = null;
  #firstInputN = 1;
  #firstEventN = 1;
  #lastHeardMs = performance.now();
  #windowStartMs = performance.now();
  #windowMessages = 0;
  #pingSentMs: number | null = null;
  #pings = 0;
  #requestRestore: (terminal: number) => void = () => {};
  #closed = false;

  /** `notBeforeMs`: no event of the tab is older. */
  constructor(socket: WebSocket, identity: BrowserIdentity, clock: { nowMs(): number; notBeforeMs: number }, handlers: BrowserHandlers) {
    this.#socket = socket;
    this.identity = identity;
    this.#nowMs = () => clock.nowMs();
    this.#time = new SourceTime(clock.notBeforeMs);
    this.#handlers = handlers;
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      try {
        this.#receive(data, isBinary);
      } catch (error) {
        this.fail(toAppError(error));
      }
    });
    socket.on('close', (code: number) => this.#ended(code));
    // `ws` reports a frame beyond the limit here and closes with 1009 by itself, but waits half a minute for an answer that it
    // no longer reads.
    socket.on('error', () => setTimeout(() => socket.terminate(), TOLD_OF_ERROR_MS).unref());
    this.#probe = setInterval(() => this.#checkLife(), PING_AFTER_MS);
  }

  /** The tab's own id; set by its hello. */
  get tab(): string {
    return this.#tab ?? this.id;
  }

  /** The first input that the tab still holds, or will send next: its hello says so. */
  get firstInputN(): number {
    return this.#firstInputN;
  }

  /** The first event of its own that the tab held when it came, or will send next. */
  get firstEventN(): number {
    return this.#firstEventN;
  }

  get greeted(): boolean {
    return this.#tab !== null;
  }

  get flows(): ReadonlyMap<number, ViewerFlow> {
    return this.#flows;
  }

  send(message: GatewayToBrowser): void {
    if (!this.#closed) this.#socket.send(JSON.stringify(message));
  }

  /** Says what was wrong with what the tab sent; the socket stays. */
  fail(error: AppError): void {
    this.send({ t: 'error', error: { code: error.code, message: error.message } });
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
    setTimeout(() => this.#socket.terminate(), 2_000).unref();
    this.#ended(code);
  }

  onRestoreWanted(request: (terminal: number) => void): void {
    this.#requestRestore = request;
  }

  /** Begins (or begins anew) to show a terminal. */
  watch(terminal: number): void {
    let flow = this.#flows.get(terminal);
    if (flow === undefined) {
      flow = new ViewerFlow(terminal, {
        sendOutput: (id, offset, bytes) => {
          if (!this.#closed) this.#socket.send(encodeOutputFrame({ terminal: id, offset, bytes }));
        },
        requestRestore: (id) => this.#requestRestore(id),
        later: (delayMs, call) => {
          setTimeout(() => {
            if (!this.#closed && this.#flows.get(terminal) === flow) call();
          }, delayMs).unref();
        },
      });
      this.#flows.set(terminal, flow);
    }
    flow.start();
  }

  restore(screen: { terminal: number; cols: number; rows: number; offset: number; screen: string }): void {
    const flow = this.#flows.get(screen.terminal);
    // A second answer to a screen that was asked for twice would be older than what has been sent since the first.
    if (flow === undefined || !flow.waiting) return;
    this.send({ t: 'restore', ...screen });
    flow.restored(screen.offset);
  }

  output(terminal: number, offset: number, bytes: Uint8Array): void {
    this.#flows.get(terminal)?.output(offset, bytes);
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#closed) return;
    this.#pace();
    this.#lastHeardMs = performance.now();
    if (isBinary) return this.#receiveInput(data);
    const message = parseBrowserMessage(data);
    if (message === null) throw new AppError('invalid_input', 'The platform could not read a message of this page. Reload it.');
    if (message.t === 'hello') return this.#hello(message);
    if (message.t === 'ping') {
      const nowMs = this.#nowMs();
      this.#time.observe(message.monoMs, nowMs);
      return this.send({ t: 'pong', monoMs: message.monoMs, serverNowMs: nowMs });
    }
    if (message.t === 'pong') {
      if (this.#pingSentMs !== null) this.#handlers.onLatency(this, performance.now() - this.#pingSentMs);
      this.#pingSentMs = null;
      return;
    }
    if (!this.greeted) return this.close(CLOSE_CODES.bad_frame, 'the first message must be hello');
    switch (message.t) {
      case 'request':
        return this.#handlers.onRequest(this, message);
      case 'event':
        return this.#handlers.onEvent(this, {
          n: message.n,
          type: message.type,
          atMs: this.#time.toServerMs(message.monoMs, this.#nowMs()),
          data: message.data,
        });
      case 'attach':
        return this.#handlers.onAttach(this, message.terminal);
      case 'detach':
        this.#flows.delete(message.terminal);
        return;
      case 'credit':
        this.#flows.get(message.terminal)?.credit(message.drawnBytes);
    }
  }

  #hello(message: Extract<BrowserToGateway, { t: 'hello' }>): void {
    if (message.protocol !== PROTOCOL_VERSION) {
      return this.close(CLOSE_CODES.outdated_client, 'Plumbline was upgraded. Reload the page; your work is kept.');
    }
    if (this.greeted) return this.close(CLOSE_CODES.bad_frame, 'hello was said twice');
    if (message.monoMs !== undefined) this.#time.observe(message.monoMs, this.#nowMs());
    this.#tab = message.tab;
    this.#firstInputN = message.firstInputN;
    this.#firstEventN = message.firstEventN;
    this.#handlers.onHello(this);
  }

  #receiveInput(data: Buffer): void {
    const frame = decodeInputFrame(data);
    if (frame === null || !this.greeted) return this.close(CLOSE_CODES.bad_frame, 'malformed input frame');
    const blockBytes = (this.#blockBytes.get(frame.terminal) ?? 0) + frame.bytes.length;
    // An honest page refuses such a paste before it numbers it; dropping a numbered chunk here would lose what follows.
    if (blockBytes > PASTE_MAX_BYTES + 64)
      return this.close(CLOSE_CODES.bad_frame, 'a paste of over 5 MB is refused; upload a file instead');
    if (frame.more) this.#blockBytes.set(frame.terminal, blockBytes);
    else this.#blockBytes.delete(frame.terminal);
    this.#handlers.onInput(this, frame);
  }

  /** Reads no more of this tab until the second is over, once it has its share: the tab's own buffer waits. */
  #pace(): void {
    const sinceMs = performance.now() - this.#windowStartMs;
    if (sinceMs > 1_000) {
      this.#windowStartMs += sinceMs;
      this.#windowMessages = 0;
    }
    this.#windowMessages += 1;
    if (this.#windowMessages !== MESSAGES_PER_SECOND_MAX) return;
    this.#socket.pause();
    setTimeout(() => this.#socket.resume(), Math.max(1, 1_000 - sinceMs)).unref();
  }

  #checkLife(): void {
    const silentMs = performance.now() - this.#lastHeardMs;
    if (silentMs > 3 * PING_AFTER_MS) return this.close(1001, 'no sign of life');
    this.#pingSentMs = performance.now();
    this.#pings += 1;
    this.send({ t: 'ping', id: this.#pings });
  }

  #ended(code: number): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#probe);
    this.#flows.clear();
    this.#handlers.onClose(this, code);
  }
}

function parseBrowserMessage(data: Buffer): BrowserToGateway | null {
  try {
    const parsed = BrowserToGateway.safeParse(JSON.parse(data.toString('utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
