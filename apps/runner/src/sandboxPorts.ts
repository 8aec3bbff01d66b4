import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AppError } from '@plumbline/core';
import { PORTS_LISTED_MAX } from '@plumbline/protocol';
import type { Sandbox } from '@plumbline/sandbox';
import type { Logger } from 'pino';
import WebSocket, { createWebSocketStream } from 'ws';
import { z } from 'zod';
import { PORTS_PROGRAM, PYTHON } from './provision.ts';

/**
 * Connections to what the participant serves in the sandbox. Each is a small program in the participant's view, which
 * alone can reach the sandbox's loopback, and a socket to the gateway; bytes pass between them and are not looked at.
 */

const LIST_WITHIN_MS = 5_000;
/** As many as a few browser tabs hold open at once. */
const STREAMS_MAX = 64;

/** What the program prints comes from the sandbox. */
const Listed = z.array(z.tuple([z.int().min(1).max(65_535), z.string().max(300).nullable()])).max(PORTS_LISTED_MAX);

export interface SandboxPortsOptions {
  readonly sandbox: Sandbox;
  /** `ws://…/realtime/ports`: a stream's name follows. */
  readonly streamsUrl: string;
  readonly logger: Logger;
}

export class SandboxPorts {
  readonly #options: SandboxPortsOptions;
  readonly #streams = new Set<ChildProcess>();

  constructor(options: SandboxPortsOptions) {
    this.#options = options;
  }

  /** What listens on the sandbox's loopback, with its command where it can be seen. */
  async list(): Promise<{ port: number; command: string | null }[]> {
    const done = await this.#ownNetwork().run('participant', this.#program('list'), {
      timeoutMs: LIST_WITHIN_MS,
      maxOutputBytes: 256 * 1024,
    });
    const listed = Listed.safeParse(parseJson(done.stdout.toString()));
    if (!listed.success) throw new AppError('sandbox_unavailable', 'The sandbox could not be asked for its ports. Try again in a moment.');
    return listed.data.map(([port, command]) => ({ port, command }));
  }

  /**
   * Connects to a port and dials the gateway with the stream's name; resolves when bytes may flow.
   *
   * @throws AppError `not_found` where nothing listens, `rate_limited` beyond `STREAMS_MAX` connections.
   */
  async connect(port: number, stream: string): Promise<void> {
    const sandbox = this.#ownNetwork();
    if (this.#streams.size >= STREAMS_MAX)
      throw new AppError('rate_limited', 'Too many connections to pages of this sandbox are open. Close some of their tabs.');
    const { file, args, env, cwd } = sandbox.command('participant', this.#program('connect', String(port)));
    const child = spawn(file, args, { env, cwd, stdio: ['pipe', 'pipe', 'ignore'] });
    this.#streams.add(child);
    child.once('error', () => this.#end(child));
    child.once('exit', () => this.#streams.delete(child));
    child.stdin.on('error', () => {});
    try {
      const first = await firstByte(child);
      if (first[0] !== '+'.charCodeAt(0))
        throw new AppError('not_found', `Nothing answers on port ${port} of the sandbox${reason(first)}. Start the program first.`);
      if (first.length > 1) child.stdout.unshift(first.subarray(1));
      await this.#carry(child, stream);
    } catch (error) {
      this.#end(child);
      throw error;
    }
  }

  /** Ends every connection. */
  close(): void {
    for (const child of this.#streams) this.#end(child);
  }

  async #carry(child: ChildProcess, stream: string): Promise<void> {
    const { streamsUrl, logger } = this.#options;
    const socket = new WebSocket(`${streamsUrl}/${stream}`, { perMessageDeflate: false, handshakeTimeout: LIST_WITHIN_MS });
    // Before it opens: the first bytes may come together with the gateway's answer.
    const duplex = createWebSocketStream(socket);
    await once(socket, 'open');
    const { stdin, stdout } = child;
    if (stdin === null || stdout === null) throw new Error('the program of a connection has no pipes');
    // What the program of the sandbox says ends the connection; what the browser says may end before that.
    pipeline(duplex, stdin).catch(() => this.#end(child));
    pipeline(stdout, duplex)
      .catch((error) => logger.debug({ err: error }, 'a connection to a port of the sandbox was cut'))
      .finally(() => this.#end(child));
  }

  #end(child: ChildProcess): void {
    this.#streams.delete(child);
    // Not asked but killed: it may stand still with the sandbox.
    child.kill('SIGKILL');
    child.stdin?.destroy();
    child.stdout?.destroy();
  }

  /** @throws AppError where the sandbox shares the network of its host, whose ports are not the participant's. */
  #ownNetwork(): Sandbox {
    const { sandbox } = this.#options;
    if (sandbox.isolation === 'none')
      throw new AppError('sandbox_unavailable', 'This sandbox has no network of its own, so pages served in it cannot be opened.');
    return sandbox;
  }

  #program(...words: string[]): string[] {
    return [PYTHON, '-I', '-S', join(this.#options.sandbox.paths.run, PORTS_PROGRAM), ...words];
  }
}

async function firstByte(child: ChildProcess): Promise<Buffer> {
  const { stdout } = child;
  if (stdout === null) throw new Error('the program of a connection has no pipes');
  const gone = once(child, 'exit').then(() => null);
  const readable = once(stdout, 'readable').then(() => stdout.read() as Buffer | null);
  const first = (await Promise.race([readable, gone])) ?? (stdout.read() as Buffer | null);
  if (first === null) throw new AppError('sandbox_unavailable', 'The sandbox did not take the connection. Try again in a moment.');
  return first;
}

function reason(answer: Buffer): string {
  const text = answer
    .subarray(1, 100)
    .toString('latin1')
    .replace(/[^\x20-\x7e]/g, '');
  return text === '' ? '' : ` (${text})`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
