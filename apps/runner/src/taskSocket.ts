import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { type Clock, nestsDeeper, type Timer } from '@plumbline/core';
import { REQUESTS, TASK_COMMAND_ACTS, type WireError } from '@plumbline/protocol';
import { listenOnSocket } from '@plumbline/taskstandard/unixSocket';
import type { Logger } from 'pino';
import type { z } from 'zod';

/**
 * The Unix socket behind the `task` command: one JSON request a line, `{"id", "act", "args"}`, and one answer a line,
 * `{"id", "result"}` or `{"id", "error": {"code", "message"}}`. Its callers are the participant's programs, so
 * everything is bounded: lines, connections, requests under way, requests a second; and checked here, before the link to
 * the gateway, which all else of the attempt goes over, has to carry it. Nothing is kept for later: while the gateway is
 * away the answer is `unavailable`.
 */

export const TASK_SOCKET_NAME = 'task.sock';

const LINE_MAX_BYTES = 64 * 1024;
const CONNECTIONS_MAX = 16;
const PENDING_MAX = 32;
/** A burst that no person reaches, then a steady rate that no script needs to exceed. */
const BURST = 30;
const PER_SECOND = 10;
/** Longer than any act takes that the gateway answers at once. */
const ANSWER_WITHIN_MS = 60_000;
/** Unread answers of one connection; beyond it the connection ends. */
const UNREAD_MAX_BYTES = 4 * 1024 * 1024;

type TaskError = z.infer<typeof WireError>;
interface Pending {
  readonly connection: Socket;
  /** The caller's own id. */
  readonly id: unknown;
  readonly timer: Timer;
}

export interface TaskSocketOptions {
  readonly dir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Sends a request to the gateway; false while there is none. */
  readonly forward: (request: { id: string; act: string; args: unknown }) => boolean;
}

const AWAY: TaskError = {
  code: 'unavailable',
  message: 'The platform is not connected right now. Your work is kept; try again in a moment.',
};

export class TaskSocket {
  readonly #options: TaskSocketOptions;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  readonly #pending = new Map<string, Pending>();
  #nextId = 1;
  #allowance = BURST;
  #allowanceAtMs: number;

  constructor(options: TaskSocketOptions) {
    this.#options = options;
    this.#allowanceAtMs = options.clock.monoMs();
    this.#server = createServer((connection) => this.#accept(connection));
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  get #path(): string {
    return join(this.#options.dir, TASK_SOCKET_NAME);
  }

  /** Listens; rejects with what the system says where the socket cannot be made. */
  async open(): Promise<void> {
    await listenOnSocket(this.#server, this.#path);
    this.#server.on('error', (error) => this.#options.logger.error({ err: error }, 'the task socket failed'));
  }

  /** The gateway's answer to a forwarded request. Unknown ids are late answers and dropped. */
  answer(reply: { id: string; result?: unknown; error?: TaskError | undefined }): void {
    const pending = this.#take(reply.id);
    if (pending === null) return;
    this.#reply(
      pending.connection,
      reply.error === undefined ? { id: pending.id, result: reply.result ?? {} } : { id: pending.id, error: reply.error },
    );
  }

  /** The gateway went away: nobody will answer what is under way. */
  gatewayLost(): void {
    for (const id of [...this.#pending.keys()]) this.answer({ id, error: AWAY });
  }

  async close(): Promise<void> {
    for (const { timer } of this.#pending.values()) timer.cancel();
    this.#pending.clear();
    for (const connection of this.#connections) connection.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    rmSync(this.#path, { force: true });
  }

  #accept(connection: Socket): void {
    this.#connections.add(connection);
    let rest: Buffer = Buffer.alloc(0);
    connection.on('data', (data: Buffer) => {
      rest = rest.length === 0 ? data : Buffer.concat([rest, data]);
      for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
        const line = rest.subarray(0, end);
        rest = rest.subarray(end + 1);
        if (line.length > LINE_MAX_BYTES) break;
        this.#serve(connection, line.toString());
      }
      if (rest.length > LINE_MAX_BYTES) {
        this.#reply(connection, { id: null, error: { code: 'too_large', message: `A request is at most ${LINE_MAX_BYTES / 1024} KiB.` } });
        rest = Buffer.alloc(0);
        connection.end();
      }
    });
    connection.on('error', () => {});
    connection.on('close', () => {
      this.#connections.delete(connection);
      for (const [id, pending] of this.#pending) if (pending.connection === connection) this.#take(id);
    });
  }

  /** What a program says must end nothing but its own request. */
  #serve(connection: Socket, line: string): void {
    try {
      this.#request(connection, line);
    } catch (error) {
      this.#options.logger.error({ err: error }, 'a request on the task socket failed');
      this.#reply(connection, { id: null, error: { code: 'internal', message: 'The request could not be handled. Try again.' } });
    }
  }

  #request(connection: Socket, line: string): void {
    let id: unknown = null;
    const refuse = (code: TaskError['code'], message: string) => this.#reply(connection, { id, error: { code, message } });
    let request: { id?: unknown; act?: unknown; args?: unknown };
    try {
      const parsed: unknown = JSON.parse(line);
      if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new Error('not an object');
      request = parsed;
    } catch {
      refuse('invalid_input', 'A request is one JSON object on one line.');
      return;
    }
    if (typeof request.id === 'string' || typeof request.id === 'number') id = request.id;
    const { act } = request;
    if (!isTaskAct(act)) {
      refuse('invalid_input', `Unknown request. Known ones: ${TASK_COMMAND_ACTS.join(', ')}.`);
      return;
    }
    const given = request.args ?? {};
    if (nestsDeeper(given)) {
      refuse('invalid_input', `${act}: arguments: nested too deep.`);
      return;
    }
    const args = REQUESTS[act].args.safeParse(given);
    if (!args.success) {
      const issue = args.error.issues[0];
      refuse('invalid_input', `${act}: ${issue?.path.join('.') || 'arguments'}: ${issue?.message ?? 'not valid'}.`);
      return;
    }
    if (!this.#allowed() || this.#pending.size >= PENDING_MAX) {
      refuse('rate_limited', 'Too many requests. Wait a second and try again.');
      return;
    }
    const own = `task-${this.#nextId++}`;
    if (!this.#options.forward({ id: own, act, args: args.data })) {
      refuse(AWAY.code, AWAY.message);
      return;
    }
    const timer = this.#options.clock.setTimer(ANSWER_WITHIN_MS, () => this.answer({ id: own, error: AWAY }));
    this.#pending.set(own, { connection, id, timer });
  }

  #allowed(): boolean {
    const nowMs = this.#options.clock.monoMs();
    this.#allowance = Math.min(BURST, this.#allowance + ((nowMs - this.#allowanceAtMs) / 1000) * PER_SECOND);
    this.#allowanceAtMs = nowMs;
    if (this.#allowance < 1) return false;
    this.#allowance -= 1;
    return true;
  }

  #take(id: string): Pending | null {
    const pending = this.#pending.get(id);
    if (pending === undefined) return null;
    this.#pending.delete(id);
    pending.timer.cancel();
    return pending;
  }

  #reply(connection: Socket, answer: object): void {
    if (!connection.writable) return;
    connection.write(`${JSON.stringify(answer)}\n`);
    if (connection.writableLength > UNREAD_MAX_BYTES) connection.destroy();
  }
}

function isTaskAct(act: unknown): act is (typeof TASK_COMMAND_ACTS)[number] {
  return (TASK_COMMAND_ACTS as readonly unknown[]).includes(act);
}
