import { spawn } from 'node:child_process';
import { mkdir, open, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import type { RunnerConfig } from '@plumbline/protocol';
import { z } from 'zod';
import { hostEnvironment } from '../host/hostEnvironment.ts';
import { isSameProcess, processStat, signalProcess } from '../host/processTable.ts';
import { waitUntil } from '../host/waiting.ts';
import { endAllLeftovers } from '../isolation/sandboxState.ts';
import type { Placement, RunnerHandle, RunnerRequest, RunnerStatus } from './placement.ts';

/** The runner as a detached process of this host: it outlives the worker that started it and is found again. */

export interface LocalPlacementOptions {
  /** The program that a runner is. */
  readonly runnerEntry: string;
  /** Each runner's folder stands in it, named by the attempt. */
  readonly runnersDir: string;
  /** Where prepared environments are cached by content. */
  readonly imageDir: string;
  /** Where families' assets are cached by content. */
  readonly assetsDir: string;
}

/** Found again by pid and start time, never by pid alone. */
const LocalHandle = z.object({
  placement: z.literal('local'),
  attemptId: z.string(),
  pid: z.int().positive(),
  /** Clock ticks since boot, as /proc/PID/stat has it. */
  startTime: z.string(),
  stateDir: z.string(),
});
type LocalHandle = z.infer<typeof LocalHandle>;

const RECORD_NAME = 'runner.json';
const TERM_TIMEOUT_MS = 10_000;
const KILL_TIMEOUT_MS = 5_000;

/** Variables of this process that a runner needs; it is given nothing else, above all no database and no keys. */
const PASSED =
  /^(PATH|HOME|LANG|LC_.*|TZ|TMPDIR|NODE_ENV|LOG_LEVEL|XDG_RUNTIME_DIR|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|GIT_SSL_CAINFO|PIP_.*|.*_(PROXY|proxy))$/;

function runnerEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(hostEnvironment()).filter(([name]) => PASSED.test(name)));
}

export function localPlacement(options: LocalPlacementOptions): Placement {
  return new LocalPlacement(options);
}

class LocalPlacement implements Placement {
  readonly name = 'local';
  readonly #options: LocalPlacementOptions;

  constructor(options: LocalPlacementOptions) {
    this.#options = options;
  }

  async start(request: RunnerRequest): Promise<RunnerHandle> {
    const { familyHash: _hash, resources: _resources, ...rest } = request;
    const stateDir = join(this.#options.runnersDir, request.attemptId);
    const config: RunnerConfig = { ...rest, stateDir, imageDir: this.#options.imageDir, assetsDir: this.#options.assetsDir };
    // Others may walk through: the sandbox's own user reaches the workspace, and nothing that it could list.
    await mkdir(stateDir, { recursive: true, mode: 0o711 });
    const log = await open(join(stateDir, 'runner.log'), 'a', 0o600);
    try {
      const child = spawn(process.execPath, [this.#options.runnerEntry], {
        cwd: stateDir,
        env: runnerEnvironment(),
        detached: true,
        stdio: ['pipe', log.fd, log.fd],
      });
      const failed = new Promise<never>((_, reject) => child.once('error', reject));
      failed.catch(() => undefined);
      // A runner that ends before it has read its config closes the pipe: `status` tells of that.
      child.stdin?.on('error', () => undefined);
      const stat = child.pid === undefined ? null : await processStat(child.pid);
      if (stat === null) {
        const cause = await Promise.race([failed.catch((error: unknown) => error), waitUntil(() => false, 100)]);
        throw new AppError('sandbox_unavailable', 'The runner could not be started on this host.', { cause });
      }
      const handle: LocalHandle = { placement: 'local', attemptId: request.attemptId, pid: stat.pid, startTime: stat.startTime, stateDir };
      // Recorded before the config is handed over: a runner does nothing without it, so none works unrecorded.
      const path = join(stateDir, RECORD_NAME);
      await writeFile(`${path}.new`, JSON.stringify(handle), { mode: 0o600 });
      await rename(`${path}.new`, path);
      await new Promise<void>((resolve) => child.stdin?.end(JSON.stringify(config), () => resolve()));
      child.unref();
      return handle;
    } finally {
      await log.close();
    }
  }

  async status(handle: RunnerHandle): Promise<RunnerStatus> {
    const { pid, startTime } = LocalHandle.parse(handle);
    if (await isSameProcess(pid, startTime)) return { state: 'running' };
    return { state: 'gone', cause: 'The runner’s process has ended.', folderKept: true };
  }

  async stop(handle: RunnerHandle): Promise<void> {
    const { pid, startTime, stateDir } = LocalHandle.parse(handle);
    const ended = async () => !(await isSameProcess(pid, startTime));
    if (!(await ended())) {
      signalProcess(pid, 'SIGTERM');
      if (!(await waitUntil(ended, TERM_TIMEOUT_MS))) {
        signalProcess(pid, 'SIGKILL');
        if (!(await waitUntil(ended, KILL_TIMEOUT_MS))) throw new AppError('unavailable', 'The runner could not be ended.');
      }
    }
    await endAllLeftovers(stateDir);
  }

  async find(attemptId: string): Promise<RunnerHandle | null> {
    const text = await readFile(join(this.#options.runnersDir, attemptId, RECORD_NAME), 'utf8').catch(() => null);
    return text === null ? null : LocalHandle.parse(JSON.parse(text));
  }

  async list(): Promise<RunnerHandle[]> {
    const names = await readdir(this.#options.runnersDir).catch(() => []);
    const found = await Promise.all(names.map((name) => this.find(name)));
    const alive: RunnerHandle[] = [];
    for (const handle of found) if (handle !== null && (await this.status(handle)).state === 'running') alive.push(handle);
    return alive;
  }
}
