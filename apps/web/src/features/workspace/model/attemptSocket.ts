import { AppError, ERROR_CODES, type ErrorCode } from '@plumbline/core';
import {
  type BrowserToGateway,
  CLOSE_CODES,
  GatewayToBrowser,
  PING_AFTER_MS,
  type RequestAct,
  type RequestArgs,
  type RequestResult,
} from '@plumbline/protocol';
import type { BrowserTime } from './browserTime.ts';
import { Signal } from './signal.ts';

/**
 * The socket of one tab to one attempt: connects with a fresh ticket each time, notices a dead link, comes back by
 * itself and stops with words where coming back is of no use. It knows nothing of what the messages mean.
 */

export type Welcome = Extract<GatewayToBrowser, { t: 'welcome' }>;

export type SocketState =
  | { kind: 'connecting' }
  | { kind: 'open' }
  /** Lost; the next try starts at `retryAtMonoMs`. `sinceMonoMs` is when the link was lost. */
  | { kind: 'waiting'; retryAtMonoMs: number; sinceMonoMs: number; reason: string }
  | { kind: 'closed'; reason: string; code: number | null };

/** What the socket needs of a WebSocket: the browser's own, or a test's. */
export interface SocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

export interface AttemptSocketOptions {
  time: BrowserTime;
  getTicket: () => Promise<string>;
  open: (ticket: string) => SocketLike;
  /** The first message of each connection. */
  hello: () => Extract<BrowserToGateway, { t: 'hello' }>;
  random?: () => number;
}

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
/** A link that stood this long counts as stable: only then do retries start from the shortest again. */
const STABLE_AFTER_MS = 10_000;
const WELCOME_WITHIN_MS = 10_000;
const WATCH_EVERY_MS = 2_000;
/** A tick that comes this much too late means that the machine slept or the page was frozen. */
const SLEPT_FROM_MS = 5_000;
const PROBE_WITHIN_MS = 3_000;
const REQUEST_TIMEOUT_MS = 20_000;
/** Tickets are refused when they are late; more in a row than this means something else. */
const MOST_TICKET_REFUSALS = 3;

const FINAL_WORDS: Record<number, string> = {
  [CLOSE_CODES.bad_frame]: 'The server did not understand this page. Reload it; what was recorded is kept.',
  [CLOSE_CODES.forbidden]: 'You may not open this attempt.',
  [CLOSE_CODES.not_found]: 'This attempt does not exist.',
  [CLOSE_CODES.ended]: 'This attempt has ended.',
  [CLOSE_CODES.too_many_tabs]: 'This attempt is open in as many tabs as it may be. Close some, then reload this page.',
  [CLOSE_CODES.outdated_client]: 'This page is older than the server. Reload it; what was recorded is kept.',
};

export class AttemptSocket {
  readonly state = new Signal<SocketState>();
  readonly welcome = new Signal<Welcome>();
  readonly message = new Signal<GatewayToBrowser>();
  readonly binary = new Signal<Uint8Array>();
  /** The machine woke, the page came back or the network did: time to refresh what is shown. */
  readonly woke = new Signal<void>();

  current: SocketState = { kind: 'connecting' };
  /** Round trip of the last ping, milliseconds. */
  roundTripMs: number | null = null;

  private readonly time: BrowserTime;
  private readonly options: AttemptSocketOptions;
  private readonly random: () => number;
  private socket: SocketLike | null = null;
  private attempt = 0;
  private failures = 0;
  private ticketRefusals = 0;
  private openedAtMonoMs = 0;
  private lostAtMonoMs: number | null = null;
  private lastFrameMonoMs = 0;
  private lastTickWallMs = 0;
  private probeDeadlineMonoMs: number | null = null;
  private pingSent = false;
  private nextRequest = 1;
  private readonly pending = new Map<string, { settle: (error: AppError | null, result?: unknown) => void }>();
  private cancelRetry = () => {};
  private cancelWatch = () => {};
  private stopped = true;

  constructor(options: AttemptSocketOptions) {
    this.options = options;
    this.time = options.time;
    this.random = options.random ?? Math.random;
  }

  /** Connects, and keeps connected until `stop`. */
  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    void this.connect();
  }

  /** Closes for good; a later `start` begins again. */
  stop(): void {
    this.stopped = true;
    this.cancelRetry();
    this.drop(1000, 'leaving');
    this.rejectPending('The page is closing.');
  }

  /** Something says that the world may have changed: the page became visible, the network came back. */
  wake(): void {
    if (this.stopped) return;
    if (this.current.kind === 'waiting') {
      this.cancelRetry();
      void this.connect();
    } else if (this.current.kind === 'open') {
      this.probe();
      this.woke.emit();
    }
  }

  /** Bytes that the browser has not yet put on the wire. */
  get bufferedBytes(): number {
    return this.socket?.bufferedAmount ?? 0;
  }

  get isOpen(): boolean {
    return this.current.kind === 'open';
  }

  /** Sends when open; otherwise false, and the caller keeps it for the next welcome. */
  send(message: BrowserToGateway): boolean {
    if (!this.isOpen || !this.socket) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** Sends a binary frame when open; otherwise false. */
  sendBinary(bytes: Uint8Array): boolean {
    if (!this.isOpen || !this.socket) return false;
    this.socket.send(bytes as Uint8Array<ArrayBuffer>);
    return true;
  }

  /** Asks and waits for the answer. Rejects with `AppError`: the gateway's, or `unavailable` for a lost link or a late answer. */
  request<A extends RequestAct>(act: A, args: RequestArgs<A>, timeoutMs = REQUEST_TIMEOUT_MS): Promise<RequestResult<A>> {
    return new Promise((resolve, reject) => {
      const id = String(this.nextRequest++);
      if (!this.send({ t: 'request', id, act, args })) {
        reject(new AppError('unavailable', 'Not connected. It will work again when the connection is back.'));
        return;
      }
      const cancel = this.time.after(timeoutMs, () => {
        this.pending.get(id)?.settle(new AppError('unavailable', 'The server did not answer in time. Try again.'));
      });
      this.pending.set(id, {
        settle: (error, result) => {
          this.pending.delete(id);
          cancel();
          if (error) reject(error);
          else resolve(result as RequestResult<A>);
        },
      });
    });
  }

  private setState(state: SocketState): void {
    this.current = state;
    this.state.emit(state);
  }

  private async connect(): Promise<void> {
    const attempt = ++this.attempt;
    this.setState({ kind: 'connecting' });
    let ticket: string;
    try {
      ticket = await this.options.getTicket();
    } catch (error) {
      if (attempt !== this.attempt || this.stopped) return;
      this.ticketFailed(error);
      return;
    }
    if (attempt !== this.attempt || this.stopped) return;
    const socket = this.options.open(ticket);
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    const cancelDeadline = this.time.after(WELCOME_WITHIN_MS, () => this.lost(attempt, 'The server did not answer.', false));
    socket.onopen = () => socket.send(JSON.stringify(this.options.hello()));
    socket.onmessage = (event) => {
      if (attempt !== this.attempt) return;
      this.lastFrameMonoMs = this.time.monoMs();
      this.pingSent = false;
      this.probeDeadlineMonoMs = null;
      if (typeof event.data === 'string') this.receive(event.data, cancelDeadline);
      else if (event.data instanceof ArrayBuffer) this.binary.emit(new Uint8Array(event.data));
    };
    socket.onclose = (event) => {
      cancelDeadline();
      if (attempt === this.attempt) this.closed(attempt, event.code, event.reason);
    };
    socket.onerror = null;
  }

  private ticketFailed(error: unknown): void {
    const final: readonly ErrorCode[] = ['unauthenticated', 'forbidden', 'not_found', 'conflict'];
    if (error instanceof AppError && final.includes(error.code)) {
      this.setState({ kind: 'closed', reason: error.message, code: null });
      return;
    }
    this.retry(error instanceof Error ? error.message : 'The server cannot be reached.', false);
  }

  private receive(text: string, welcomed: () => void): void {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      return;
    }
    const parsed = GatewayToBrowser.safeParse(json);
    // A newer server may say what this page does not know; what it must know is behind the protocol's version.
    if (!parsed.success) return;
    const message = parsed.data;
    switch (message.t) {
      case 'welcome':
        welcomed();
        this.ticketRefusals = 0;
        this.lostAtMonoMs = null;
        this.openedAtMonoMs = this.time.monoMs();
        this.setState({ kind: 'open' });
        this.watch();
        this.welcome.emit(message);
        return;
      case 'reply': {
        const { error, result } = message;
        const code = error && error.code in ERROR_CODES ? (error.code as ErrorCode) : 'internal';
        this.pending.get(message.id)?.settle(error ? new AppError(code, error.message) : null, result);
        return;
      }
      case 'ping':
        this.send({ t: 'pong', id: message.id });
        return;
      case 'pong':
        this.roundTripMs = this.time.monoMs() - message.monoMs;
        return;
      default:
        this.message.emit(message);
    }
  }

  private closed(attempt: number, code: number, reason: string): void {
    const words = FINAL_WORDS[code];
    if (words !== undefined) {
      this.drop();
      this.rejectPending(words);
      this.setState({ kind: 'closed', reason: reason || words, code });
      return;
    }
    if (code === CLOSE_CODES.ticket_invalid && ++this.ticketRefusals > MOST_TICKET_REFUSALS) {
      this.drop();
      this.rejectPending('The connection was refused.');
      this.setState({ kind: 'closed', reason: 'The server refuses the connection. Reload the page and sign in again.', code });
      return;
    }
    this.lost(attempt, reason || 'The connection was lost.', code === CLOSE_CODES.restarting);
  }

  private lost(attempt: number, reason: string, atOnce: boolean): void {
    if (attempt !== this.attempt) return;
    this.drop();
    this.rejectPending('The connection was lost before the answer came.');
    if (!this.stopped) this.retry(reason, atOnce);
  }

  private retry(reason: string, atOnce: boolean): void {
    const nowMs = this.time.monoMs();
    if (this.openedAtMonoMs > 0 && nowMs - this.openedAtMonoMs >= STABLE_AFTER_MS) this.failures = 0;
    this.openedAtMonoMs = 0;
    const ceilingMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.failures);
    // A restarting server is back at once; the jitter keeps all tabs from coming in the same instant.
    const delayMs = atOnce && this.failures === 0 ? 250 * this.random() : ceilingMs * (0.5 + 0.5 * this.random());
    this.failures += 1;
    this.lostAtMonoMs ??= nowMs;
    this.setState({ kind: 'waiting', retryAtMonoMs: nowMs + delayMs, sinceMonoMs: this.lostAtMonoMs, reason });
    this.cancelRetry = this.time.after(delayMs, () => void this.connect());
  }

  /** Forgets the socket without waiting for its close: a dead link would take minutes to say so. */
  private drop(code?: number, reason?: string): void {
    this.attempt += 1;
    this.cancelWatch();
    this.probeDeadlineMonoMs = null;
    this.pingSent = false;
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close(code, reason);
  }

  private rejectPending(reason: string): void {
    for (const { settle } of [...this.pending.values()]) settle(new AppError('unavailable', reason));
  }

  private probe(): void {
    if (this.probeDeadlineMonoMs !== null) return;
    this.probeDeadlineMonoMs = this.time.monoMs() + PROBE_WITHIN_MS;
    this.send({ t: 'ping', monoMs: this.time.monoMs() });
    const attempt = this.attempt;
    this.time.after(PROBE_WITHIN_MS + 50, () => {
      if (attempt !== this.attempt || this.probeDeadlineMonoMs === null) return;
      if (this.time.monoMs() >= this.probeDeadlineMonoMs) this.lost(attempt, 'The connection did not answer.', false);
    });
  }

  private watch(): void {
    this.cancelWatch();
    this.lastTickWallMs = this.time.wallMs();
    this.lastFrameMonoMs = this.time.monoMs();
    const attempt = this.attempt;
    const tick = () => {
      if (attempt !== this.attempt) return;
      const wallMs = this.time.wallMs();
      const sinceTickMs = wallMs - this.lastTickWallMs;
      this.lastTickWallMs = wallMs;
      const silentMs = this.time.monoMs() - this.lastFrameMonoMs;
      if (sinceTickMs > WATCH_EVERY_MS + SLEPT_FROM_MS) {
        // After sleep the silence is our own: ask before judging the link.
        this.lastFrameMonoMs = this.time.monoMs();
        this.probe();
        this.woke.emit();
      } else if (silentMs >= 2 * PING_AFTER_MS) {
        this.lost(attempt, 'The connection did not answer.', false);
        return;
      } else if (silentMs >= PING_AFTER_MS && !this.pingSent) {
        this.pingSent = true;
        this.send({ t: 'ping', monoMs: this.time.monoMs() });
      }
      this.cancelWatch = this.time.after(WATCH_EVERY_MS, tick);
    };
    this.cancelWatch = this.time.after(WATCH_EVERY_MS, tick);
  }
}
