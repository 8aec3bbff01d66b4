import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import type { RunnerConfig } from '@plumbline/protocol';
import { z } from 'zod';
import { hostEnvironment } from './hostEnvironment.ts';
import { isSameProcess, processStat, signalProcess } from './processTable.ts';
import { endAllLeftovers } from './sandboxState.ts';
import { waitUntil } from './waiting.ts';

/** A runner that was started, as it can be found again after a restart of the platform: pid and start time, never pid alone. */
export const RunnerHandle = z.object({
  pid: z.int().positive(),
  /** Clock ticks since boot, as /proc/PID/stat has it. */
  startTime: z.string(),
  stateDir: z.string(),
});
export type RunnerHandle = z.infer<typeof RunnerHandle>;

export interface Placement {
  readonly name: string;
  /** Starts `runnerEntry` detached, with the config as one JSON document on its standard input. */
  start(config: RunnerConfig, options: { runnerEntry: string }): Promise<RunnerHandle>;
  isAlive(handle: RunnerHandle): Promise<boolean>;
  /** Asks it to end, makes it end after 10 s, and ends what it left running. Idempotent. */
  stop(handle: RunnerHandle): Promise<void>;
  /** The runner last started on this state folder, alive or not; null where none was. */
  find(stateDir: string): Promise<RunnerHandle | null>;
}

const RECORD_NAME = 'runner.json';
const TERM_TIMEOUT_MS = 10_000;
const KILL_TIMEOUT_MS = 5_000;

/** Variables of this process that a runner needs; it is given nothing else, above all no database and no keys. */
const PASSED =
  /^(PATH|HOME|LANG|LC_.*|TZ|TMPDIR|NODE_ENV|LOG_LEVEL|XDG_RUNTIME_DIR|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|GIT_SSL_CAINFO|PIP_.*|.*_(PROXY|proxy))$/;

function runnerEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(hostEnvironment()).filter(([name]) => PASSED.test(name)));
}

async function start(config: RunnerConfig, options: { runnerEntry: string }): Promise<RunnerHandle> {
  // Others may walk through: the sandbox's own user reaches the workspace, and nothing that it could list.
  await mkdir(config.stateDir, { recursive: true, mode: 0o711 });
  const log = await open(join(config.stateDir, 'runner.log'), 'a', 0o600);
  try {
    const child = spawn(process.execPath, [options.runnerEntry], {
      cwd: config.stateDir,
      env: runnerEnvironment(),
      detached: true,
      stdio: ['pipe', log.fd, log.fd],
    });
    const failed = new Promise<never>((_, reject) => child.once('error', reject));
    failed.catch(() => undefined);
    // A runner that ends before it has read its config closes the pipe: `isAlive` tells of that.
    child.stdin?.on('error', () => undefined);
    const stat = child.pid === undefined ? null : await processStat(child.pid);
    if (stat === null) {
      const cause = await Promise.race([failed.catch((error: unknown) => error), waitUntil(() => false, 100)]);
      throw new AppError('sandbox_unavailable', 'The runner could not be started on this host.', { cause });
    }
    const handle: RunnerHandle = { pid: stat.pid, startTime: stat.startTime, stateDir: config.stateDir };
    // Recorded before the config is handed over: a runner does nothing without it, so none works unrecorded.
    const path = join(config.stateDir, RECORD_NAME);
    await writeFile(`${path}.new`, JSON.stringify(handle), { mode: 0o600 });
    await rename(`${path}.new`, path);
    await new Promise<void>((resolve) => child.stdin?.end(JSON.stringify(config), () => resolve()));
    child.unref();
    return handle;
  } finally {
    await log.close();
  }
}

async function stop(handle: RunnerHandle): Promise<void> {
  const ended = async () => !(await isSameProcess(handle.pid, handle.startTime));
  if (!(await ended())) {
    signalProcess(handle.pid, 'SIGTERM');
    if (!(await waitUntil(ended, TERM_TIMEOUT_MS))) {
      signalProcess(handle.pid, 'SIGKILL');
      if (!(await waitUntil(ended, KILL_TIMEOUT_MS))) throw new AppError('unavailable', 'The runner could not be ended.');
    }
  }
  await endAllLeftovers(handle.stateDir);
}

async function find(stateDir: string): Promise<RunnerHandle | null> {
  const text = await readFile(join(stateDir, RECORD_NAME), 'utf8').catch(() => null);
  return text === null ? null : RunnerHandle.parse(JSON.parse(text));
}

/** The runner as a detached process of this host: it outlives the worker that started it and is found again. */
export const localPlacement: Placement = {
  name: 'local',
  start,
  isAlive: (handle) => isSameProcess(handle.pid, handle.startTime),
  stop,
  find,
};
