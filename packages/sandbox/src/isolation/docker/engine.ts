import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@plumbline/core';
import { z } from 'zod';
import { ownJobGroup } from '../jobGroup.ts';

/**
 * The few calls of the Docker Engine API that sandboxes need, over the engine's socket on this host. Paths carry no version,
 * so that every engine answers in its own.
 */

const CALL_TIMEOUT_MS = 60_000;
const REMOVE_TIMEOUT_MS = 15_000;
const PAUSE_AGAIN_MS = 50;

interface Answer {
  status: number;
  text: string;
}

interface CallOptions {
  body?: unknown;
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
  /** Given each line of the answer as it comes. */
  onLine?: (line: string) => void;
}

const Info = z.object({
  CgroupVersion: z.string().default('1'),
  CgroupDriver: z.string().default('none'),
  MemoryLimit: z.boolean().default(true),
  PidsLimit: z.boolean().default(true),
  CpuCfsQuota: z.boolean().default(true),
  NCPU: z.number(),
  Runtimes: z.record(z.string(), z.unknown()).default({}),
});

const Image = z.object({ Id: z.string(), Config: z.object({ Env: z.array(z.string()).nullish() }).nullish() });
export interface EngineImage {
  id: string;
  env: Record<string, string>;
}

const Container = z.object({ Id: z.string(), State: z.object({ Pid: z.int(), Running: z.boolean(), Paused: z.boolean() }) });

const Listed = z.array(z.object({ Id: z.string(), Labels: z.record(z.string(), z.string()).nullish() }));

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

function messageOf({ status, text }: Answer): string {
  const said = z.object({ message: z.string() }).safeParse(parsed(text));
  return said.success ? said.data.message : `status ${status}`;
}

/** Without a tag or a digest the engine would fetch every tag of it. The colon of a registry's port is no tag. */
function withTag(name: string): string {
  return /[:@]/.test(name.slice(name.lastIndexOf('/') + 1)) ? name : `${name}:latest`;
}

/** A refusal of the engine, with its own words. */
export class EngineError extends Error {
  readonly status: number;

  constructor(answer: Answer) {
    super(messageOf(answer));
    this.status = answer.status;
  }
}

export class Engine {
  readonly socketPath: string;
  /** Whether it may lift the limit on locked memory; true until it refused. */
  mayLockMemory = true;

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  /** Rejects with `sandbox_unavailable` where no engine answers. */
  async #call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    try {
      return await new Promise((resolve, reject) => {
        const call = request(
          {
            socketPath: this.socketPath,
            method,
            path,
            agent: false,
            headers: {
              Host: 'docker',
              ...(body === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }),
            },
            timeout: options.timeoutMs ?? CALL_TIMEOUT_MS,
            signal: options.signal,
          },
          (response) => {
            let text = '';
            let rest = '';
            response.setEncoding('utf8');
            response.on('data', (chunk: string) => {
              text += chunk;
              if (!options.onLine) return;
              const lines = (rest + chunk).split('\n');
              rest = lines.pop() ?? '';
              for (const line of lines) options.onLine(line);
            });
            response.once('error', reject);
            response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
          },
        );
        call.once('timeout', () => call.destroy(new Error('the engine did not answer in time')));
        call.once('error', reject);
        call.end(body);
      });
    } catch (error) {
      options.signal?.throwIfAborted();
      throw new AppError(
        'sandbox_unavailable',
        `The Docker engine of this host does not answer at ${this.socketPath}. Start it, and let the user that runs the sandboxes use its socket.`,
        { cause: error },
      );
    }
  }

  async #done(method: string, path: string, options: CallOptions = {}): Promise<unknown> {
    const answer = await this.#call(method, path, options);
    if (answer.status >= 400) throw new EngineError(answer);
    return parsed(answer.text);
  }

  async info(): Promise<z.infer<typeof Info>> {
    return Info.parse(await this.#done('GET', '/info'));
  }

  /** Where containers of this process's job belong: in the job's own group, which an engine that has systemd keep them cannot use. */
  async parentGroup(): Promise<string | null> {
    const group = await ownJobGroup();
    return group === null || (await this.info()).CgroupDriver !== 'cgroupfs' ? null : group;
  }

  /** Null where the engine does not have it. */
  async findImage(name: string): Promise<EngineImage | null> {
    const answer = await this.#call('GET', `/images/${encodeURIComponent(name)}/json`);
    if (answer.status === 404) return null;
    if (answer.status >= 400) throw new EngineError(answer);
    const image = Image.parse(parsed(answer.text));
    const env = (image.Config?.Env ?? []).map((line): [string, string] => {
      const at = line.indexOf('=');
      return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
    });
    return { id: image.Id, env: Object.fromEntries(env) };
  }

  /** Fetches an image from its registry. Progress goes to `onLog`, a line per layer and step. */
  async pull(name: string, onLog: (line: string) => void, signal?: AbortSignal): Promise<void> {
    const Step = z.object({ id: z.string().optional(), status: z.string().optional(), error: z.string().optional() });
    let failed: string | undefined;
    const said = new Set<string>();
    await this.#done('POST', `/images/create?fromImage=${encodeURIComponent(withTag(name))}`, {
      timeoutMs: 60 * 60_000,
      signal,
      onLine: (line) => {
        const step = Step.safeParse(parsed(line));
        if (!step.success) return;
        failed ??= step.data.error;
        const text = [step.data.id, step.data.status].filter(Boolean).join(': ');
        // The same step is told again with every megabyte.
        if (text && !said.has(text)) onLog(text);
        said.add(text);
      },
    });
    if (failed !== undefined) throw new Error(failed);
  }

  /** The id of the image made of a container as it stands, without what is mounted into it. */
  async commit(container: string, repository: string, tag: string, labels: Record<string, string>): Promise<string> {
    const path = `/commit?container=${container}&repo=${encodeURIComponent(repository)}&tag=${encodeURIComponent(tag)}`;
    const made = await this.#done('POST', path, { body: { Labels: labels }, timeoutMs: 30 * 60_000 });
    return z.object({ Id: z.string() }).parse(made).Id;
  }

  /** Idempotent; rejects while a container is made of it. */
  async removeImage(id: string): Promise<void> {
    const answer = await this.#call('DELETE', `/images/${encodeURIComponent(id)}`);
    if (answer.status >= 400 && answer.status !== 404) throw new EngineError(answer);
  }

  /** Makes and starts a container; one that cannot be started is removed again. */
  async start(name: string, spec: object): Promise<void> {
    await this.#done('POST', `/containers/create?name=${name}`, { body: spec });
    try {
      await this.#done('POST', `/containers/${name}/start`);
    } catch (error) {
      await this.remove(name);
      throw error;
    }
  }

  async inspect(name: string): Promise<{ id: string; pid: number; running: boolean; paused: boolean } | null> {
    const answer = await this.#call('GET', `/containers/${name}/json`);
    if (answer.status === 404) return null;
    if (answer.status >= 400) throw new EngineError(answer);
    const { Id, State } = Container.parse(parsed(answer.text));
    return { id: Id, pid: State.Pid, running: State.Running, paused: State.Paused };
  }

  /** Idempotent, as `unpause` is. Rejects where the container has not stopped within the time. */
  async pause(name: string, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    let refusal: EngineError | null = null;
    for (;;) {
      try {
        const restMs = Math.max(1, Math.ceil(deadline - performance.now()));
        return await this.#unless(async () => (await this.inspect(name))?.paused === true, `/containers/${name}/pause`, restMs);
      } catch (error) {
        // A runtime asks for some tenths of a second whether all has stopped. On a busy machine that is too short, and it thaws and fails.
        const mayStopYet = error instanceof EngineError && error.status === 500;
        // The last try may be cut off by the end of the time: why there had to be one says more.
        if (!mayStopYet) throw refusal ?? error;
        if (performance.now() + PAUSE_AGAIN_MS > deadline) throw error;
        refusal = error;
      }
      await sleep(PAUSE_AGAIN_MS);
    }
  }

  async unpause(name: string, timeoutMs: number): Promise<void> {
    await this.#unless(async () => (await this.inspect(name))?.paused !== true, `/containers/${name}/unpause`, timeoutMs);
  }

  async #unless(already: () => Promise<boolean>, path: string, timeoutMs: number): Promise<void> {
    const answer = await this.#call('POST', path, { timeoutMs });
    if (answer.status >= 400 && !(await already())) throw new EngineError(answer);
  }

  /** Rejects with `sandbox_unavailable` where it does not say in time that it is there. One that is busy does. */
  async ping(timeoutMs: number): Promise<void> {
    await this.#done('GET', '/_ping', { timeoutMs });
  }

  /** Ends a container with all in it, paused or not, and resolves when it is gone. Idempotent. The signal ends the waiting, with its reason. */
  async remove(name: string, signal?: AbortSignal): Promise<void> {
    const deadline = performance.now() + REMOVE_TIMEOUT_MS;
    for (;;) {
      const answer = await this.#call('DELETE', `/containers/${name}?force=true&v=true`, { signal });
      if (answer.status === 404) return;
      // 409: the engine is at it already, because somebody else asked for it.
      if (answer.status >= 400 && answer.status !== 409 && performance.now() > deadline) throw new EngineError(answer);
      if (performance.now() > deadline) throw new AppError('unavailable', 'A container of the sandbox could not be removed.');
      if (answer.status >= 400) await sleep(20);
    }
  }

  /** Every container with this label, running or not: its id and labels. */
  async withLabel(label: string): Promise<{ id: string; labels: Record<string, string> }[]> {
    const filters = encodeURIComponent(JSON.stringify({ label: [label] }));
    const list = Listed.parse(await this.#done('GET', `/containers/json?all=true&filters=${filters}`));
    return list.map((entry) => ({ id: entry.Id, labels: entry.Labels ?? {} }));
  }
}
