import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { AppError } from '@plumbline/core';
import type { ClientChannel } from 'ssh2';
import { z } from 'zod';
import { LinkLost, plainText } from '../agent/hostClient.ts';
import { LINE_MAX_BYTES } from '../agent/hostRequests.ts';
import { lineSplitter } from '../agent/lines.ts';
import type { SshConnection } from './sshConnection.ts';

/** What is done on a host before it has anything of ours: a program that is sent along and run by the host's own Python. */

const PROGRAM = new URL('../../../python/host/far_side.py', import.meta.url);

/** Reads the program from standard input and leaves the rest to it. Unbuffered: what follows belongs to whoever reads next. */
const BOOTSTRAP = [
  'import os',
  'f=os.fdopen(0,"rb",0,closefd=False)',
  'n=int(f.readline())',
  's=b""',
  'while len(s)<n:s+=f.read(n-len(s)) or exit(1)',
  'exec(compile(s,"far_side","exec"))',
].join('\n');
const COMMAND = `exec /usr/bin/python3 -I -S -c '${BOOTSTRAP}'`;

const ANSWER_TIMEOUT_MS = 60_000;
/** A bundle is some sixty megabytes, and a line may be slow. */
const PUT_TIMEOUT_MS = 15 * 60_000;

const Hello = z.object({
  machine: z.string().max(100),
  libc: z.string().max(100).nullable(),
  python: z.string().max(100),
  user: z.string().max(100),
  uid: z.int(),
  diskFreeBytes: z.number(),
});
export type Hello = z.infer<typeof Hello>;

export interface Archive {
  readonly kind: 'bundles' | 'families';
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

export class FarSide {
  readonly #connection: SshConnection;
  readonly #dataDir: string;

  constructor(connection: SshConnection, dataDir: string) {
    this.#connection = connection;
    this.#dataDir = dataDir;
  }

  async hello(): Promise<Hello> {
    return this.#with({ op: 'hello' }, async (answers) => Hello.parse(await answers.next(ANSWER_TIMEOUT_MS)));
  }

  async has(kind: Archive['kind'], name: string): Promise<boolean> {
    return this.#with({ op: 'have', kind, name }, async (answers) => {
      return z.object({ present: z.boolean() }).parse(await answers.next(ANSWER_TIMEOUT_MS)).present;
    });
  }

  /** Copies an archive unless the host has it, and resolves once it is unpacked there under its name. */
  async put({ kind, name, path, sha256, bytes }: Archive): Promise<void> {
    await this.#with({ op: 'put', kind, name, sha256, size: bytes }, async (answers, channel) => {
      const { send } = z.object({ send: z.boolean() }).parse(await answers.next(PUT_TIMEOUT_MS));
      if (!send) return;
      const sent = pipeline(createReadStream(path, { highWaterMark: 1 << 18 }), channel.stdin, { end: false });
      // Whatever the sending says, it is the answer that counts.
      sent.catch(() => undefined);
      z.object({ done: z.literal(true) }).parse(await answers.next(PUT_TIMEOUT_MS));
    });
  }

  /** The newest bundle that the host has whole, or null. */
  async newestBundle(): Promise<string | null> {
    return this.#with({ op: 'newest' }, async (answers) => {
      return z.object({ name: z.string().nullable() }).parse(await answers.next(ANSWER_TIMEOUT_MS)).name;
    });
  }

  /** The host's agent, out of the bundle: to be asked over the stream. */
  async agent(bundle: string, node: string, program: string): Promise<ClientChannel> {
    return this.#run({ op: 'agent', bundle, node, program });
  }

  async #run(order: object): Promise<ClientChannel> {
    const program = await readFile(PROGRAM);
    const channel = await this.#connection.exec(COMMAND);
    channel.stdin.write(Buffer.concat([Buffer.from(`${program.length}\n`), program]));
    channel.stdin.write(`${JSON.stringify({ ...order, data_dir: this.#dataDir })}\n`);
    return channel;
  }

  async #with<T>(order: object, act: (answers: Answers, channel: ClientChannel) => Promise<T>): Promise<T> {
    const channel = await this.#run(order);
    const answers = new Answers(channel);
    try {
      return await act(answers, channel);
    } finally {
      channel.destroy();
    }
  }
}

/** Answers line by line, each waited for. */
class Answers {
  readonly #lines: string[] = [];
  #errors = '';
  #over = false;
  #wake: () => void = () => undefined;

  constructor(channel: ClientChannel) {
    const end = () => {
      this.#over = true;
      this.#wake();
    };
    channel.on(
      'data',
      lineSplitter(
        LINE_MAX_BYTES,
        (line) => {
          this.#lines.push(line);
          this.#wake();
        },
        end,
      ),
    );
    channel.stderr.on('data', (chunk: Buffer) => (this.#errors = (this.#errors + chunk.toString()).slice(-4_000)));
    for (const event of ['close', 'error'] as const) channel.on(event, end);
  }

  async next(timeoutMs: number): Promise<unknown> {
    const untilMs = performance.now() + timeoutMs;
    while (this.#lines.length === 0 && !this.#over && performance.now() < untilMs) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, untilMs - performance.now());
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const line = this.#lines.shift();
    if (line === undefined) {
      if (this.#errors.trim() === '') throw new LinkLost('The host did not answer.');
      throw new AppError('sandbox_unavailable', `The host cannot run /usr/bin/python3: ${plainText(this.#errors.trim())}`);
    }
    const answer = z.looseObject({ error: z.string().optional() }).parse(JSON.parse(line));
    if (answer.error !== undefined) throw new AppError('sandbox_unavailable', `The host could not do it: ${plainText(answer.error)}`);
    return answer;
  }
}
