import { AppError, ERROR_CODES, type ErrorCode, nestsDeeper } from '@plumbline/core';
import {
  decodeRunnerFrame,
  type GatewayToRunner,
  RUNNER_CALLS,
  type RunnerFrame,
  RunnerToGateway,
  SANDBOX_REQUESTS,
} from '@plumbline/protocol';
import type { WebSocket } from 'ws';
import type { z } from 'zod';
import { Liveness } from './liveness.ts';

const CALLABLE = { ...SANDBOX_REQUESTS, ...RUNNER_CALLS } as const;
export type CallAct = keyof typeof CALLABLE;
export type CallArgs<A extends CallAct> = z.infer<(typeof CALLABLE)[A]['args']>;
export type CallResult<A extends CallAct> = z.infer<(typeof CALLABLE)[A]['result']>;

/** A file operation on a slow disk may take long; a runner that is silent for longer has a broken sandbox. */
const CALL_TIMEOUT_MS = 30_000;

interface PendingCall {
  act: CallAct;
  resolve(value: unknown): void;
  reject(error: AppError): void;
  timer: NodeJS.Timeout;
}

export interface RunnerHandlers {
  onMessage(message: Exclude<RunnerToGateway, { t: 'hello' | 'answer' | 'ping' | 'pong' }>): void;
  onFrame(frame: RunnerFrame): void;
  /** A message that could not be handled; the link goes on. */
  onError(error: unknown): void;
  onClose(): void;
}

/**
 * The gateway's end of one runner's link. What arrives is hostile until a schema has seen it; a frame that no schema
 * knows ends the link, since a runner of the same version never sends one.
 */
export class RunnerConnection {
  readonly #socket: WebSocket;
  readonly #handlers: RunnerHandlers;
  readonly #pending = new Map<string, PendingCall>();
  #nextCall = 1;
  readonly #liveness: Liveness;
  #pings = 0;
  #closed = false;

  constructor(socket: WebSocket, handlers: RunnerHandlers) {
    this.#socket = socket;
    this.#handlers = handlers;
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      try {
        this.#receive(data, isBinary);
      } catch (error) {
        // One runner's message must not end the process, and every other attempt's links with it.
        handlers.onError(error);
      }
    });
    socket.on('close', () => this.#ended());
    socket.on('error', () => this.#socket.terminate());
    this.#liveness = new Liveness({
      ping: () => this.send({ t: 'ping', id: ++this.#pings }),
      gone: () => this.close(1001, 'no sign of life'),
    });
  }

  get open(): boolean {
    return !this.#closed;
  }

  send(message: GatewayToRunner): void {
    if (!this.#closed) this.#socket.send(JSON.stringify(message));
  }

  sendInput(frame: Uint8Array): void {
    if (!this.#closed) this.#socket.send(frame);
  }

  /** One call, one answer; rejects with `sandbox_unavailable` when the link ends or stays silent. */
  call<A extends CallAct>(act: A, args: CallArgs<A>, timeoutMs = CALL_TIMEOUT_MS): Promise<CallResult<A>> {
    if (this.#closed) return Promise.reject(sandboxAway());
    const id = String(this.#nextCall++);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new AppError('sandbox_unavailable', 'The sandbox did not answer in time. Try again; if it stays, report it to the staff.'));
      }, timeoutMs);
      this.#pending.set(id, { act, resolve: resolve as (value: unknown) => void, reject, timer });
      this.send({ t: 'call', id, act, args });
    });
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
    // A half-open link would never confirm the close.
    setTimeout(() => this.#socket.terminate(), 2_000).unref();
    this.#ended();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#closed) return;
    this.#liveness.heard();
    if (isBinary) {
      const frame = decodeRunnerFrame(data);
      if (frame === null) return this.close(1008, 'malformed frame');
      this.#handlers.onFrame(frame);
      return;
    }
    const message = parseRunnerMessage(data);
    if (message === null || message.t === 'hello') return this.close(1008, 'malformed message');
    switch (message.t) {
      case 'answer':
        return this.#answered(message);
      case 'ping':
        return this.send({ t: 'pong', id: message.id });
      case 'pong':
        return;
      default:
        this.#handlers.onMessage(message);
    }
  }

  #answered(message: Extract<RunnerToGateway, { t: 'answer' }>): void {
    const call = this.#pending.get(message.id);
    if (call === undefined) return;
    this.#pending.delete(message.id);
    clearTimeout(call.timer);
    if (message.error !== undefined) {
      const code = message.error.code in ERROR_CODES ? (message.error.code as ErrorCode) : 'internal';
      return call.reject(new AppError(code, message.error.message.slice(0, 1000)));
    }
    const result = nestsDeeper(message.result) ? null : CALLABLE[call.act].result.safeParse(message.result);
    if (result?.success) call.resolve(result.data);
    else call.reject(new AppError('sandbox_unavailable', 'The sandbox gave an answer that could not be read.', { cause: result?.error }));
  }

  #ended(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#liveness.end();
    for (const call of this.#pending.values()) {
      clearTimeout(call.timer);
      call.reject(sandboxAway());
    }
    this.#pending.clear();
    this.#handlers.onClose();
  }
}

/** A text frame of a runner as a message, or null. */
export function parseRunnerMessage(data: Buffer): RunnerToGateway | null {
  try {
    const parsed = RunnerToGateway.safeParse(JSON.parse(data.toString('utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

function sandboxAway(): AppError {
  return new AppError('sandbox_unavailable', 'The sandbox is not connected right now. Your work is kept; it comes back by itself.');
}
