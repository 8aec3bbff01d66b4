import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import type { RunnerConfig } from '@plumbline/protocol';
import { replaceFile } from '@plumbline/storage';
import { z } from 'zod';
import { withFileLock } from '../host/fileLock.ts';
import { runnerEnvironment } from '../host/hostEnvironment.ts';
import { isSameProcess, processStat, signalProcess } from '../host/processTable.ts';
import { isFolder, removeFolder } from '../host/removeFolder.ts';
import { waitUntil } from '../host/waiting.ts';
import { endAllLeftovers } from '../isolation/sandboxState.ts';
import { attemptFolderName, type Placement, type RunnerHandle, type RunnerRequest, type RunnerStatus } from './placement.ts';

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

/** Found again by boot, pid and start time, never by pid alone. */
export const LocalHandle = z.object({
  placement: z.literal('local'),
  attemptId: z.string(),
  pid: z.int().positive(),
  /** Clock ticks since boot, as /proc/PID/stat has it. */
  startTime: z.string(),
  /** The kernel's name for the time since the machine last started. */
  bootId: z.string(),
  stateDir: z.string(),
});
export type LocalHandle = z.infer<typeof LocalHandle>;

/** What a runner's folder says of the last one started there. */
const LocalRecord = LocalHandle.extend({ tokenHash: z.string() });

const RECORD_NAME = 'runner.json';
const LOCK_NAME = 'placement.lock';
const TERM_TIMEOUT_MS = 10_000;
const KILL_TIMEOUT_MS = 5_000;

async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

async function isAlive({ pid, startTime, bootId: boot }: LocalHandle): Promise<boolean> {
  return boot === (await bootId()) && isSameProcess(pid, startTime);
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
    return this.#start(request).catch((cause: unknown) => {
      if (cause instanceof AppError) throw cause;
      const isFull = ['ENOSPC', 'EDQUOT'].includes((cause as NodeJS.ErrnoException).code ?? '');
      const why = isFull ? ': the disk of its data folder is full' : '';
      throw new AppError('sandbox_unavailable', `The runner could not be started on its host${why}.`, { cause });
    });
  }

  async #start(request: RunnerRequest): Promise<RunnerHandle> {
    const stateDir = this.#stateDir(request.attemptId);
    // Others may walk through: the sandbox's own user reaches the workspace, and nothing that it could list.
    await mkdir(stateDir, { recursive: true, mode: 0o711 });
    return withFileLock(join(stateDir, LOCK_NAME), async () => {
      const tokenHash = createHash('sha256').update(request.token).digest('hex');
      const earlier = await this.#record(request.attemptId);
      if (earlier !== null && (await isAlive(earlier))) {
        // The same start once more: whoever asked first did not hear the answer.
        if (earlier.tokenHash === tokenHash) return LocalHandle.parse(earlier);
        throw new AppError('conflict', 'A runner of this attempt runs on this host already. Stop it first.');
      }
      return this.#spawn(request, stateDir, tokenHash);
    });
  }

  async #spawn(request: RunnerRequest, stateDir: string, tokenHash: string): Promise<LocalHandle> {
    const { familyHash: _hash, resources: _resources, ...rest } = request;
    const config: RunnerConfig = { ...rest, stateDir, imageDir: this.#options.imageDir, assetsDir: this.#options.assetsDir };
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
      const stat = child.pid === undefined ? null : processStat(child.pid);
      if (stat === null) {
        const cause = await Promise.race([failed.catch((error: unknown) => error), waitUntil(() => false, 100)]);
        throw new AppError('sandbox_unavailable', 'The runner could not be started on its host.', { cause });
      }
      const handle: LocalHandle = {
        placement: 'local',
        attemptId: request.attemptId,
        pid: stat.pid,
        startTime: stat.startTime,
        bootId: await bootId(),
        stateDir,
      };
      // Recorded before the config is handed over: a runner does nothing without it, so none works unrecorded.
      const path = join(stateDir, RECORD_NAME);
      try {
        await replaceFile(path, JSON.stringify({ ...handle, tokenHash }), 0o600);
      } catch (error) {
        child.kill('SIGKILL');
        throw error;
      }
      await new Promise<void>((resolve) => child.stdin?.end(JSON.stringify(config), () => resolve()));
      child.unref();
      return handle;
    } finally {
      await log.close();
    }
  }

  async status(handle: RunnerHandle): Promise<RunnerStatus> {
    if (await isAlive(LocalHandle.parse(handle))) return { state: 'running' };
    return { state: 'gone', cause: 'The runner’s process has ended.', folderKept: true };
  }

  async stop(handle: RunnerHandle): Promise<void> {
    const parsed = LocalHandle.parse(handle);
    const { pid, stateDir } = parsed;
    const ended = async () => !(await isAlive(parsed));
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
    const record = await this.#record(attemptId);
    return record === null ? null : LocalHandle.parse(record);
  }

  async list(): Promise<RunnerHandle[]> {
    const names = await readdir(this.#options.runnersDir).catch(() => []);
    const found = await Promise.all(names.map((name) => this.find(name)));
    const alive: RunnerHandle[] = [];
    for (const handle of found) if (handle !== null && (await this.status(handle)).state === 'running') alive.push(handle);
    return alive;
  }

  async remove(attemptId: string): Promise<void> {
    const stateDir = this.#stateDir(attemptId);
    if (!(await isFolder(stateDir))) return;
    const work = async () => {
      const record = await this.#record(attemptId);
      if (record !== null && (await isAlive(record))) throw new AppError('conflict', 'A runner of this attempt still runs on the host.');
      await endAllLeftovers(stateDir);
      await removeFolder(stateDir);
    };
    await withFileLock(join(stateDir, LOCK_NAME), work).catch(async (error: unknown) => {
      // Somebody else removed it, and with it the lock.
      if (await isFolder(stateDir)) throw error;
    });
  }

  #stateDir(attemptId: string): string {
    return join(this.#options.runnersDir, attemptFolderName(attemptId));
  }

  async #record(attemptId: string): Promise<z.infer<typeof LocalRecord> | null> {
    const text = await readFile(join(this.#options.runnersDir, attemptId, RECORD_NAME), 'utf8').catch(() => null);
    if (text === null) return null;
    try {
      return LocalRecord.parse(JSON.parse(text));
    } catch {
      // Cut short by a loss of power, which the runner that it told of has not outlived either.
      return null;
    }
  }
}
