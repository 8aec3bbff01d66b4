import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { embeddedDatabaseUrl } from '@plumbline/config';

const ROOT = join(import.meta.dirname, '../..');

/** The gateway's port is part of the web build, so all runs share one: a second build would take minutes. */
export const GATEWAY_PORT = Number(process.env.E2E_GATEWAY_PORT ?? 4811);
export const WEB_PORT = Number(process.env.E2E_PORT ?? 3111);
const START_LIMIT_MS = 240_000;
const STOP_LIMIT_MS = 60_000;

export type ProcessName = 'web' | 'gateway' | 'worker' | 'postgres';

/** A whole installation of its own: production build, own data folder, own ports, the demo scenario. */
export class PlatformUnderTest {
  readonly baseUrl = `http://localhost:${WEB_PORT}`;
  readonly dataDir: string;
  #supervisor: ChildProcess;
  #output = '';

  private constructor(dataDir: string, env: Record<string, string>) {
    this.dataDir = dataDir;
    this.#supervisor = spawn(join(ROOT, 'node_modules/.bin/node'), [join(ROOT, 'scripts/supervisor.ts')], {
      cwd: ROOT,
      env: {
        ...process.env,
        PORT: String(WEB_PORT),
        GATEWAY_PORT: String(GATEWAY_PORT),
        PUBLIC_URL: this.baseUrl,
        PLUMBLINE_DATA_DIR: dataDir,
        PLUMBLINE_SEED: 'demo',
        ...env,
      },
      // The channel ends with this process, however it ends, and the supervisor with it.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.#supervisor.stdout, this.#supervisor.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString();
      });
    }
  }

  /** Starts and waits until everything is healthy and the supervisor has said so, with the demo's accounts. */
  static async start(env: Record<string, string> = {}, dataDir?: string): Promise<PlatformUnderTest> {
    const platform = new PlatformUnderTest(dataDir ?? newDataDir(), env);
    try {
      await platform.untilHealthy(START_LIMIT_MS);
      // The accounts are printed after the first healthy answer.
      while (!platform.#output.includes('Ctrl-C')) {
        platform.#assertAlive();
        await sleep(20);
      }
    } catch (error) {
      // What was given is its owner's, and may be a mount: its removal would fail in the place of the start.
      await platform.stop({ keepData: dataDir !== undefined });
      throw error;
    }
    return platform;
  }

  /** The pid of the process that everything else comes out of. */
  get supervisorPid(): number {
    return this.#supervisor.pid as number;
  }

  /** What the supervisor and its children printed. */
  get output(): string {
    return this.#output;
  }

  get databaseUrl(): string {
    return embeddedDatabaseUrl(this.dataDir);
  }

  get demoPassword(): string {
    const found = /password\W+([^\s:]+)/i.exec(this.#output)?.[1];
    if (found === undefined) throw new Error(`no demo password was printed:\n${this.#output}`);
    return found;
  }

  /** The pid of a process now. */
  pid(name: ProcessName): number {
    const { children } = JSON.parse(readFileSync(join(this.dataDir, 'supervisor.json'), 'utf8')) as {
      children: { name: string; pid: number }[];
    };
    const child = children.findLast((candidate) => candidate.name === name);
    if (child === undefined) throw new Error(`${name} does not run`);
    return child.pid;
  }

  /** The pid of an attempt's runner now. */
  runnerPid(attemptId: string): number {
    return (JSON.parse(readFileSync(join(this.dataDir, 'runners', attemptId, 'runner.json'), 'utf8')) as { pid: number }).pid;
  }

  kill(name: ProcessName): void {
    process.kill(this.pid(name), 'SIGKILL');
  }

  /** Waits until `GET /api/health` answers 200. */
  async untilHealthy(limitMs = 60_000): Promise<void> {
    const deadline = performance.now() + limitMs;
    let reason = 'nothing answers';
    while (performance.now() < deadline) {
      this.#assertAlive();
      try {
        const response = await fetch(`${this.baseUrl}/api/health`, { signal: AbortSignal.timeout(5_000) });
        if (response.status === 200) return;
        reason = await response.text();
      } catch (error) {
        reason = String(error);
      }
      await sleep(100);
    }
    throw new Error(`not healthy: ${reason}\n${this.#output.slice(-4_000)}`);
  }

  #assertAlive(): void {
    if (this.#supervisor.exitCode !== null) throw new Error(`the supervisor ended with ${this.#supervisor.exitCode}:\n${this.#output}`);
  }

  /** Stops as Ctrl-C does. */
  async stop(options: { keepData?: boolean } = {}): Promise<void> {
    if (this.#supervisor.exitCode === null) {
      const ended = new Promise((resolve) => this.#supervisor.once('exit', resolve));
      this.#supervisor.kill('SIGINT');
      const stopped = await Promise.race([ended.then(() => true), sleep(STOP_LIMIT_MS, false, { ref: false })]);
      if (!stopped) throw new Error(`the supervisor did not stop:\n${this.#output.slice(-4_000)}`);
    }
    if (options.keepData !== true) rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** A fresh folder. Sandboxes of root's runner enter it as users of their own, so it is open to pass through. */
export function newDataDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'plumbline-e2e-'));
  chmodSync(dir, 0o755);
  return dir;
}
