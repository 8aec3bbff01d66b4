import type { Clock, Timer } from '@plumbline/core';
import {
  decodeForwardedInput,
  GatewayToRunner,
  PING_AFTER_MS,
  RUNNER_FRAME_MAX_BYTES,
  type RunnerHello,
  type RunnerToGateway,
} from '@plumbline/protocol';
import type { Logger } from 'pino';
import WebSocket from 'ws';
import type { EventLog } from './eventLog.ts';
import type { JournalEntry } from './journal.ts';
import type { ServerTime } from './serverTime.ts';

/**
 * The call to the gateway: dials, says hello, resends what is not durable, and starts again when it breaks. Any frame
 * counts as a sign of life; silence is probed, and an unanswered probe drops the socket, so that a half-open one is
 * noticed within two ping intervals.
 */

const BACK_OFF_FIRST_MS = 200;
const BACK_OFF_MAX_MS = 5_000;
/** A link that held this long was not part of a streak of failures. */
const STABLE_AFTER_MS = 10_000;

type Forwarded = NonNullable<ReturnType<typeof decodeForwardedInput>>;
type GatewayMessage = Exclude<GatewayToRunner, { t: 'attached' | 'refused' | 'ack' | 'ping' | 'pong' }>;
type Hello = Pick<RunnerHello, 'phase' | 'terminals' | 'frozen' | 'scoring'>;

export interface LinkOptions {
  readonly url: string;
  readonly attemptId: string;
  readonly token: string;
  readonly version: string;
  readonly incarnation: string;
  readonly protocol: number;
  readonly log: EventLog;
  readonly time: ServerTime;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Asked at each hello for what only the runner knows. */
  readonly hello: () => Hello;
  readonly onMessage: (message: GatewayMessage) => void;
  readonly onInput: (input: Forwarded) => void;
  /** Attached: everything unacknowledged has been sent again. `recordedBytes` is the size of the attempt's recording. */
  readonly onAttached: (recordedBytes: number) => void;
  readonly onDetached: () => void;
  /** The gateway will never take this runner: its token is revoked or its protocol is another one. */
  readonly onRefused: (code: string, message: string) => void;
  /** Replaces `Math.random` in tests. */
  readonly random?: () => number;
}

/** Refusals that no retry can change. */
const FINAL_REFUSALS = new Set(['unauthenticated', 'forbidden', 'not_found', 'invalid_input']);

/**
 * A mask of zeros changes nothing, and both ends then pass over the bytes. Masks guard intermediaries against what a page makes a
 * browser send; this caller is no browser, and over networks it speaks TLS.
 */
const leaveUnmasked = (mask: Buffer) => void mask.fill(0);

export class Link {
  readonly #options: LinkOptions;
  #socket: WebSocket | null = null;
  #attached = false;
  #closed = false;
  #failures = 0;
  #retry: Timer | null = null;
  #liveness: Timer | null = null;
  #lastHeardMs = 0;
  #pinged = false;
  #pingId = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    options.log.deliverTo((entry) => this.#deliver(entry));
  }

  get attached(): boolean {
    return this.#attached;
  }

  /** Starts dialling; never gives up by itself. */
  open(): void {
    this.#dial();
  }

  /** Sends a message that is not journalled. False while there is no gateway: the caller decides what that means. */
  send(message: RunnerToGateway): boolean {
    if (!this.#attached || this.#socket === null) return false;
    this.#socket.send(this.#framed(message));
    return true;
  }

  /** A frame beyond the limit would end the socket, and with it everybody's view of the sandbox. */
  #framed(message: RunnerToGateway): string {
    const text = JSON.stringify(message);
    // Control characters are six bytes each in JSON: what an act bounds may be more here.
    if (message.t !== 'answer' || Buffer.byteLength(text) <= RUNNER_FRAME_MAX_BYTES) return text;
    const error = { code: 'too_large', message: 'That is too large to be shown here. Read it in a terminal, or download it.' };
    return JSON.stringify({ t: 'answer', id: message.id, error } satisfies RunnerToGateway);
  }

  /** Ends the link for good, after what was sent has left this process or `graceMs` have passed. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    this.#retry?.cancel();
    this.#liveness?.cancel();
    const socket = this.#socket;
    if (socket === null) return;
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.setTimer(graceMs, () => socket.terminate());
      socket.once('close', () => {
        timer.cancel();
        resolve();
      });
      socket.close(1001);
    });
  }

  #dial(): void {
    if (this.#closed) return;
    const { clock, logger } = this.#options;
    const socket = new WebSocket(this.#options.url, {
      perMessageDeflate: false,
      maxPayload: RUNNER_FRAME_MAX_BYTES,
      generateMask: leaveUnmasked,
      handshakeTimeout: PING_AFTER_MS * 2,
    });
    this.#socket = socket;
    socket.on('open', () => {
      this.#heard();
      this.#watchLiveness();
      this.#sayHello(socket);
    });
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (this.#socket !== socket) return;
      this.#heard();
      try {
        if (isBinary) this.#receiveInput(data);
        else this.#receive(socket, data.toString());
      } catch (error) {
        logger.error({ err: error }, 'a message from the gateway could not be handled');
      }
    });
    socket.on('error', (error) => logger.debug({ err: error }, 'the link to the gateway failed'));
    const connectedAtMs = clock.monoMs();
    socket.on('close', (code) => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#liveness?.cancel();
      const wasAttached = this.#attached;
      this.#attached = false;
      if (wasAttached) {
        logger.warn({ code }, 'the gateway is away; the journal keeps what happens meanwhile');
        this.#options.onDetached();
      }
      this.#failures = wasAttached && clock.monoMs() - connectedAtMs > STABLE_AFTER_MS ? 0 : this.#failures + 1;
      this.#retryLater();
    });
  }

  #retryLater(): void {
    if (this.#closed) return;
    const ceilingMs = Math.min(BACK_OFF_MAX_MS, BACK_OFF_FIRST_MS * 2 ** Math.min(this.#failures, 10));
    const random = this.#options.random ?? Math.random;
    // Never below half of the ceiling: hundreds of runners come back to a restarted gateway at once.
    this.#retry = this.#options.clock.setTimer(ceilingMs * (0.5 + random() / 2), () => this.#dial());
  }

  #sayHello(socket: WebSocket): void {
    const { log, clock } = this.#options;
    const hello: RunnerHello = {
      t: 'hello',
      protocol: this.#options.protocol,
      version: this.#options.version,
      attemptId: this.#options.attemptId,
      token: this.#options.token,
      incarnation: this.#options.incarnation,
      firstN: log.firstN,
      lastN: log.lastN,
      wallMs: clock.nowMs(),
      monoMs: clock.monoMs(),
      inputMarks: log.state.inputMarks,
      ...this.#options.hello(),
    };
    socket.send(JSON.stringify(hello));
  }

  #receiveInput(data: Buffer): void {
    const input = decodeForwardedInput(data);
    if (input === null) throw new Error('a binary frame of the gateway is not an input frame');
    // The buffer belongs to the socket; the bytes outlive this call.
    this.#options.onInput({ ...input, bytes: Uint8Array.from(input.bytes) });
  }

  #receive(socket: WebSocket, text: string): void {
    const message = GatewayToRunner.parse(JSON.parse(text));
    switch (message.t) {
      case 'attached': {
        const { log, time, logger } = this.#options;
        time.synchronise(message.serverNowMs);
        try {
          log.attached(`runner:${this.#options.incarnation}`, message.ackedN, message.lastTerminal);
        } catch (error) {
          // Nothing may be sent under a number that the recording has. It dials again, and tries it again.
          socket.close();
          throw error;
        }
        this.#attached = true;
        let resent = 0;
        for (const entry of log.entriesAfter(message.ackedN)) {
          this.#deliver(entry);
          resent += 1;
        }
        logger.info({ epoch: message.epoch, ackedN: message.ackedN, resent }, 'attached to the gateway');
        this.#options.onAttached(message.recordedBytes ?? 0);
        return;
      }
      case 'refused':
        this.#options.logger.error({ code: message.error.code, reason: message.error.message }, 'the gateway refused this runner');
        if (FINAL_REFUSALS.has(message.error.code)) {
          this.#closed = true;
          this.#options.onRefused(message.error.code, message.error.message);
        }
        socket.close();
        return;
      case 'ack':
        this.#options.log.acknowledge(message.n);
        return;
      case 'ping':
        socket.send(JSON.stringify({ t: 'pong', id: message.id }));
        return;
      case 'pong':
        return;
      default:
        this.#options.onMessage(message);
    }
  }

  #deliver(entry: JournalEntry): void {
    if (!this.#attached || this.#socket === null) return;
    if (entry.kind === 'binary') this.#socket.send(entry.body, { binary: true });
    else this.#socket.send(entry.body, { binary: false });
  }

  #heard(): void {
    this.#lastHeardMs = this.#options.clock.monoMs();
    this.#pinged = false;
  }

  #watchLiveness(): void {
    this.#liveness?.cancel();
    const { clock } = this.#options;
    const check = () => {
      const socket = this.#socket;
      if (socket === null) return;
      const silentMs = clock.monoMs() - this.#lastHeardMs;
      if (silentMs >= PING_AFTER_MS * 2) {
        this.#options.logger.warn({ silentMs }, 'the gateway does not answer; dialling again');
        socket.terminate();
        return;
      }
      if (silentMs >= PING_AFTER_MS && !this.#pinged) {
        this.#pinged = true;
        this.#pingId += 1;
        socket.send(JSON.stringify({ t: 'ping', id: this.#pingId }));
      }
      this.#liveness = clock.setTimer(1_000, check);
    };
    this.#liveness = clock.setTimer(1_000, check);
  }
}
