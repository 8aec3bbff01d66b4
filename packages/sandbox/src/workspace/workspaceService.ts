import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { AppError, ERROR_CODES, type ErrorCode } from '@plumbline/core';
import { z } from 'zod';
import { PYTHON } from '../isolation/inView.ts';
import type { Sandbox } from '../isolation/isolation.ts';

export interface FileChange {
  /** Only a file that is watched is told of as renamed; of others, and of folders, one path is gone and another is new. */
  op: 'created' | 'changed' | 'deleted' | 'renamed';
  path: string;
  /** Of one that was renamed. */
  to?: string;
  size?: number;
  hash?: string;
}

/** A listing of 100,000 long names stays below this; a longer line is not this service's. */
const LINE_MAX_BYTES = 256 * 1024 * 1024;
const SERVICE = 'workspace_service.py';

const Reply = z.object({
  id: z.number(),
  result: z.unknown().optional(),
  error: z.object({ code: z.string(), message: z.string(), cause: z.string().optional() }).optional(),
});
const Change = z.object({
  change: z.object({
    op: z.enum(['created', 'changed', 'deleted', 'renamed']),
    path: z.string(),
    to: z.string().optional(),
    size: z.number().optional(),
    hash: z.string().optional(),
  }),
});
const Omitted = z.object({ omitted: z.int() });

interface Waiting {
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
}

function errorOf(error: { code: string; message: string; cause?: string | undefined }): AppError {
  const code = error.code in ERROR_CODES ? (error.code as ErrorCode) : 'unavailable';
  return new AppError(code, error.message, { cause: error.cause });
}

/** The program that reads and writes one workspace, in the platform's view. It starts anew with the next request after it ended. */
export class WorkspaceService {
  readonly #sandbox: Sandbox;
  readonly #waiting = new Map<number, Waiting>();
  readonly listeners = new Set<(change: FileChange) => void>();
  readonly omittedListeners = new Set<(count: number) => void>();
  #watched: string[] = [];
  #child: ChildProcessWithoutNullStreams | null = null;
  #nextId = 1;
  #closed = false;

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
  }

  #start(): ChildProcessWithoutNullStreams {
    const { assets, home, store } = this.#sandbox.paths;
    const command = this.#sandbox.command('platform', [PYTHON, '-I', '-S', `${assets}/${SERVICE}`, home, store]);
    const child = spawn(command.file, command.args, { cwd: command.cwd, env: command.env, stdio: 'pipe', detached: true });
    let errors = '';
    let chunks: Buffer[] = [];
    let held = 0;
    child.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4000)));
    child.stdout.on('data', (chunk: Buffer) => {
      let rest = chunk;
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
        this.#take(Buffer.concat([...chunks, rest.subarray(0, end)]).toString('utf8'));
        chunks = [];
        held = 0;
        rest = rest.subarray(end + 1);
      }
      if (rest.length === 0) return;
      chunks.push(rest);
      held += rest.length;
      if (held > LINE_MAX_BYTES) child.kill('SIGKILL');
    });
    child.stdin.on('error', () => undefined);
    const ended = () => {
      if (this.#child !== child) return;
      this.#child = null;
      const error = new AppError('unavailable', 'The workspace was interrupted. Try again.', { cause: errors.trim() });
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    };
    child.once('exit', ended);
    child.once('error', ended);
    this.#child = child;
    if (this.#watched.length > 0) this.request('watch', { paths: this.#watched }).catch(() => undefined);
    return child;
  }

  /** What the service says is checked: it reads a hostile tree, and must not be able to confuse this process. */
  #take(line: string): void {
    const message: unknown = JSON.parse(line);
    const change = Change.safeParse(message);
    if (change.success) {
      for (const listener of this.listeners) listener(change.data.change);
      return;
    }
    const omitted = Omitted.safeParse(message);
    if (omitted.success) {
      for (const listener of this.omittedListeners) listener(omitted.data.omitted);
      return;
    }
    const reply = Reply.parse(message);
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.error) waiting?.reject(errorOf(reply.error));
    else waiting?.resolve(reply.result);
  }

  /** Rejects with what the program refused, and with `unavailable` where it ended before it answered. */
  request(op: string, args: Record<string, unknown>): Promise<unknown> {
    if (this.#closed) return Promise.reject(new AppError('unavailable', 'The workspace is closed.'));
    return new Promise((resolve, reject) => {
      const child = this.#child ?? this.#start();
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve, reject });
      child.stdin.write(`${JSON.stringify({ id, op, args })}\n`);
    });
  }

  /** Watches these paths, also in a program that was started anew. Replaces the last set. */
  async watch(paths: string[]): Promise<void> {
    this.#watched = paths;
    await this.request('watch', { paths });
  }

  start(): void {
    this.#child ??= this.#start();
  }

  async close(): Promise<void> {
    this.#closed = true;
    const child = this.#child;
    if (child === null) return;
    const ended = once(child, 'exit');
    // bwrap ends its namespace when its own parent, or it, is killed; the end of input is the polite way.
    child.stdin.end();
    await ended;
  }
}
