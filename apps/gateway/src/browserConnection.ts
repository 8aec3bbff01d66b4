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
  PROTOCOL_VERSION,
} from '@plumbline/protocol';
import type { WebSocket } from 'ws';
import { Liveness } from './liveness.ts';
import { RestorePace } from './restorePace.ts';
import { SourceTime } from './serverTime.ts';
import { TabReading } from './tabReading.ts';
import { type TabRequest, TabRequests } from './tabRequests.ts';
import { ViewerFlow } from './viewerFlow.ts';

/** For the word of a broken frame to arrive. */
const TOLD_OF_ERROR_MS = 2_000;
/** What waits in this process for a tab that does not read. Twice the largest screen: beyond it the tab comes back and begins anew. */
const UNREAD_MAX_BYTES = 32 * 1024 * 1024;
/** Longer than any hello: who has not said it yet is given no time. */
const HELLO_MAX_BYTES = 4 * 1024;

export interface BrowserIdentity {
  actor: Actor;
  sessionId: string;
}

export interface RestoredScreen {
  terminal: number;
  cols: number;
  rows: number;
  offset: number;
  screen: string;
}

export interface BrowserHandlers {
  onHello(connection: BrowserConnection): void;
  onRequest(connection: BrowserConnection, request: TabRequest): Promise<unknown>;
  /** Says whether the recording took it, which `durable` will tell of. */
  onEvent(connection: BrowserConnection, event: { n: number; type: string; atMs: number; data: unknown }): boolean;
  /** Says whether it went on to the sandbox, and will be durable. */
  onInput(connection: BrowserConnection, frame: InputFrame): boolean;
  onAttach(connection: BrowserConnection, terminal: number): void;
  onLatency(connection: BrowserConnection, roundTripMs: number): void;
  /** A message took so long of the processor. */
  onSpent(ms: number): void;
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
  readonly #liveness: Liveness;
  readonly #reading: TabReading;
  readonly #requests: TabRequests;
  readonly #restores: RestorePace;
  #tab: string | null = null;
  #firstInputN = 1;
  #firstEventN = 1;
  #pingSentMs: number | null = null;
  #pings = 0;
  #screenOf: (terminal: number) => Promise<RestoredScreen | null> = () => Promise.resolve(null);
  #closed = false;

  /** `notBeforeMs`: no event of the tab is older. */
  constructor(socket: WebSocket, identity: BrowserIdentity, clock: { nowMs(): number; notBeforeMs: number }, handlers: BrowserHandlers) {
    this.#socket = socket;
    this.identity = identity;
    this.#nowMs = () => clock.nowMs();
    this.#time = new SourceTime(clock.notBeforeMs);
    this.#handlers = handlers;
    this.#reading = new TabReading(socket);
    this.#requests = new TabRequests({
      answer: (request) => this.#answer(request),
      unreadBytes: () => socket.bufferedAmount,
      full: (full) => this.#reading.hold('requests', full),
    });
    this.#restores = new RestorePace((terminal, isOutdated) => this.#restore(terminal, isOutdated));
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      const before = process.threadCpuUsage();
      try {
        this.#receive(data, isBinary);
      } catch (error) {
        this.fail(toAppError(error));
      }
      // And no time in which another process had the processor.
      const { user, system } = process.threadCpuUsage(before);
      handlers.onSpent((user + system) / 1_000);
    });
    socket.on('close', (code: number) => this.#ended(code));
    // `ws` reports a frame beyond the limit here and closes with 1009 by itself, but waits half a minute for an answer that it
    // no longer reads.
    socket.on('error', () => setTimeout(() => socket.terminate(), TOLD_OF_ERROR_MS).unref());
    this.#liveness = new Liveness({ ping: () => this.#ping(), gone: () => this.close(1001, 'no sign of life') });
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
    this.#send(JSON.stringify(message));
  }

  /** Tells the tab how much of what it said is in the recording. */
  durable(marks: { events: number; input: number }): void {
    this.#reading.durable(marks);
    this.send({ t: 'durable', ...marks });
  }

  /** Whether nothing more of it is read for now, since its attempt's tabs had more than their share. */
  rest(wanted: boolean): void {
    this.#reading.hold('share', wanted);
  }

  /** Another runner and recorder take what the tab says. */
  sandboxReplaced(): void {
    this.#reading.startAnew();
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

  /** Where the screens of what it watches come from: null where there is none to be shown now. */
  onRestoreWanted(screenOf: (terminal: number) => Promise<RestoredScreen | null>): void {
    this.#screenOf = screenOf;
  }

  /** Begins (or begins anew) to show a terminal. */
  watch(terminal: number): void {
    let flow = this.#flows.get(terminal);
    if (flow === undefined) {
      flow = new ViewerFlow(terminal, {
        sendOutput: (id, offset, bytes) => {
          this.#send(encodeOutputFrame({ terminal: id, offset, bytes }));
        },
        requestRestore: (id) => this.#restores.want(id),
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

  output(terminal: number, offset: number, bytes: Uint8Array): void {
    this.#flows.get(terminal)?.output(offset, bytes);
  }

  #send(data: string | Uint8Array, left?: () => void): void {
    if (this.#closed) return left?.();
    this.#socket.send(data, left);
    if (this.#socket.bufferedAmount <= UNREAD_MAX_BYTES) return;
    this.close(CLOSE_CODES.too_far_behind, 'this page does not read what it is sent; it comes back with fresh screens');
  }

  async #answer(request: TabRequest): Promise<void> {
    const answer = await this.#handlers.onRequest(this, request).then(
      (result) => ({ result }),
      (error) => {
        const { code, message } = toAppError(error);
        return { error: { code, message } };
      },
    );
    await new Promise<void>((left) => this.#send(JSON.stringify({ t: 'reply', id: request.id, ...answer }), left));
  }

  async #restore(terminal: number, isOutdated: () => boolean): Promise<number> {
    let screen: RestoredScreen | null;
    try {
      screen = await this.#screenOf(terminal);
    } catch (error) {
      this.fail(toAppError(error));
      return 0;
    }
    const flow = this.#flows.get(terminal);
    if (screen === null || flow === undefined || !flow.waiting || isOutdated()) return 0;
    const text = JSON.stringify({ t: 'restore', ...screen });
    const left = new Promise<void>((resolve) => this.#send(text, resolve));
    flow.restored(screen.offset);
    await left;
    return text.length;
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#closed) return;
    this.#reading.came(data.length);
    this.#liveness.heard();
    if (!this.greeted && data.length > HELLO_MAX_BYTES) return this.close(CLOSE_CODES.bad_frame, 'the first message must be hello');
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
        return this.#requests.offer(message, data.length);
      case 'event': {
        const { n, type, monoMs } = message;
        const atMs = this.#time.toServerMs(monoMs, this.#nowMs());
        if (this.#handlers.onEvent(this, { n, type, atMs, data: message.data })) this.#reading.passedOn('events', n, data.length);
        return;
      }
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
    if (this.#handlers.onInput(this, frame)) this.#reading.passedOn('input', frame.n, data.length);
  }

  #ping(): void {
    // What a tab says that is not read now is heard later.
    if (this.#reading.held) this.#liveness.heard();
    this.#pingSentMs = performance.now();
    this.#pings += 1;
    this.send({ t: 'ping', id: this.#pings });
  }

  #ended(code: number): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#liveness.end();
    this.#flows.clear();
    this.#requests.end();
    this.#restores.end();
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
