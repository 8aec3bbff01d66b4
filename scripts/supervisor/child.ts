/**
 * A process that is kept running. It leads a session of its own, so that a terminal's Ctrl-C reaches the supervisor alone, and
 * writes into a log file rather than a pipe, so that it survives the supervisor.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { endProcess, identify, killGroup, type ProcessIdentity } from './processIdentity.ts';

/** Waits before a restart: at once after a single death, slower while it keeps dying. */
export const RESTART_WAITS_MS = [50, 500, 1000, 2000, 5000];
/** One that ran this long is healthy again: its next death is a first one. */
const HEALTHY_AFTER_MS = 15_000;
const STOP_PATIENCE_MS = 12_000;
const LARGEST_LOG_BYTES = 16 * 1024 * 1024;

export interface ChildOptions {
  name: string;
  args: string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  logsDir: string;
  onStarted(identity: ProcessIdentity): void;
  /** Gives each of its processes an IPC channel. */
  onChannel?(child: ChildProcess): void;
  onDied(message: string): void;
}

export class Child {
  readonly logFile: string;
  readonly #options: ChildOptions;
  #identity: ProcessIdentity | null = null;
  #restartTimer: NodeJS.Timeout | undefined;
  #deaths = 0;
  #stopping = false;

  constructor(options: ChildOptions) {
    this.#options = options;
    this.logFile = join(options.logsDir, `${options.name}.log`);
    if (existsSync(this.logFile) && statSync(this.logFile).size > LARGEST_LOG_BYTES) renameSync(this.logFile, `${this.logFile}.1`);
  }

  start(): void {
    const { name, args, cwd, env, onChannel } = this.#options;
    const log = openSync(this.logFile, 'a', 0o600);
    const channel = onChannel === undefined ? [] : ['ipc' as const];
    const child = spawn(process.execPath, args, {
      cwd,
      env,
      stdio: ['ignore', log, log, ...channel],
      serialization: 'advanced',
      detached: true,
    });
    closeSync(log);
    if (child.connected) onChannel?.(child);
    const startedMs = performance.now();
    if (child.pid) this.#identity = identify(child.pid);
    if (this.#identity) this.#options.onStarted(this.#identity);
    let over = false;
    const ended = (how: string) => {
      if (over) return;
      over = true;
      this.#identity = null;
      // What it started in its group would hold its port or its files.
      if (child.pid) killGroup(child.pid);
      if (this.#stopping) return;
      if (performance.now() - startedMs > HEALTHY_AFTER_MS) this.#deaths = 0;
      const waitMs = RESTART_WAITS_MS[Math.min(this.#deaths, RESTART_WAITS_MS.length - 1)] as number;
      this.#deaths += 1;
      this.#options.onDied(`${name} ended (${how}) and is started again. Its log: ${this.logFile}`);
      this.#restartTimer = setTimeout(() => this.start(), waitMs);
    };
    child.once('exit', (code, signal) => ended(signal ?? `status ${code}`));
    child.once('error', (error) => ended(error.message));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restartTimer);
    if (this.#identity) await endProcess(this.#identity, STOP_PATIENCE_MS);
  }
}
