import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { AttemptSetup } from '@plumbline/protocol';
import { runnerEnvironment } from '@plumbline/sandbox/host/hostEnvironment';
import { expect, vi } from 'vitest';
import { StubGateway } from './stubGateway.ts';

/** For tests: a real runner on a real sandbox, and a participant who types into its shell. */

const ENTRY = fileURLToPath(new URL('./main.ts', import.meta.url));
const TAB = 'b5a1c0de-0000-4000-8000-000000000001';
const HOUR_MS = 3_600_000;

export interface RigOptions {
  stateDir: string;
  imageDir: string;
  familyDir: string;
  task?: string;
  settings?: Record<string, unknown>;
  /** Null: as of a family that names none. */
  memoryBytes?: number | null;
  isolation?: 'none' | 'bubblewrap' | 'docker';
  docker?: { baseImage: string; socketPath: string };
  diskBytes?: number;
  setup?: AttemptSetup;
  restore?: { bundles: string[]; lastTerminal: number };
  secrets?: Record<string, string>;
}

export class RunnerRig {
  readonly gateway = new StubGateway();
  #runner: ChildProcess | null = null;
  #stderr = '';
  #clockN = 0;
  #input = 1;
  #marks = 0;
  #terminal: number | null = null;
  #scores = 0;

  /** What the runner has logged. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Starts a runner; resolves with null when its sandbox is ready, or with the reason that it tells. */
  async start(options: RigOptions): Promise<string | null> {
    const port = await this.gateway.listen();
    this.#runner = spawn(process.execPath, [ENTRY], { stdio: ['pipe', 'ignore', 'pipe'], env: runnerEnvironment() });
    this.#runner.stderr?.on('data', (data: Buffer) => {
      this.#stderr += data.toString();
    });
    this.#runner.stdin?.end(
      JSON.stringify({
        attemptId: `test-${process.pid}`,
        token: 'secret',
        gatewayUrl: `ws://127.0.0.1:${port}/realtime/runner`,
        assetsDir: `${options.stateDir}/assets`,
        task: 'main',
        isolation: 'bubblewrap',
        memoryBytes: 1024 ** 3,
        maxProcesses: 256,
        docker: null,
        diskBytes: null,
        cpus: null,
        gpuIds: [],
        restore: null,
        setup: null,
        secrets: {},
        ...options,
      }),
    );
    return vi.waitFor(
      () => {
        const failed = this.gateway.messages.find((message) => message.t === 'failed');
        if (failed?.t === 'failed') return failed.reason;
        if (!this.gateway.messages.some((message) => message.t === 'ready')) throw new Error(`not ready yet: ${this.#stderr}`);
        return null;
      },
      { timeout: 120_000, interval: 50 },
    );
  }

  clock(state: 'running' | 'ended'): void {
    this.#clockN += 1;
    this.gateway.send({ t: 'clock', n: this.#clockN, state, remainingMs: HOUR_MS });
  }

  /** The terminal that the participant types into; the first call starts the clock and opens it. */
  async #open(): Promise<number> {
    if (this.#terminal === null) {
      this.clock('running');
      const opened = await vi.waitFor(() => this.gateway.call<{ terminal: number }>('terminal.open', { cols: 200, rows: 50 }), {
        timeout: 60_000,
      });
      this.#terminal = opened.terminal;
    }
    return this.#terminal;
  }

  /** Has the participant type a line. */
  async type(line: string): Promise<void> {
    this.gateway.input(TAB, await this.#open(), this.#input++, `${line}\r`);
  }

  /** Has the participant type a command; resolves when it has ended. */
  async sh(command: string): Promise<void> {
    const terminal = await this.#open();
    const mark = ++this.#marks;
    this.gateway.input(TAB, terminal, this.#input++, ` { ${command}\n } >/dev/null 2>&1 </dev/null; echo mark-$((${mark}))-$((1+1))\r`);
    await vi.waitFor(() => expect(this.gateway.output(terminal)).toContain(`mark-${mark}-2`), { timeout: 90_000, interval: 20 });
  }

  /** Scores the workspace, or a captured submission in a clean sandbox, and resolves with the row and its staff half. */
  async score(submissionHash?: string): Promise<RigScore> {
    const n = ++this.#scores;
    const scoreId = `score-${n}`;
    const trigger = submissionHash === undefined ? 'participant' : 'clean';
    await this.gateway.call('score', { scoreId, n, trigger, ...(submissionHash === undefined ? {} : { submissionHash }) });
    const of = (type: string) => this.gateway.eventsOf(type).find(({ data }) => data.scoreId === scoreId)?.data;
    await vi.waitFor(() => expect(of('score.finished')).toBeDefined(), { timeout: 90_000, interval: 25 });
    return { ...of('score.finished'), ...of('score.details') } as unknown as RigScore;
  }

  /** The gateway tells the runner to end; resolves when it has. */
  async shutDown({ tearDown }: { tearDown: boolean }): Promise<void> {
    this.gateway.send({ t: 'shutdown', reason: 'the test is over', tearDown });
    await vi.waitFor(() => expect(this.#stderr).toContain('the runner ends'), { timeout: 20_000, interval: 20 });
    await this.end();
  }

  async end(): Promise<void> {
    const runner = this.#runner;
    this.#runner = null;
    if (runner !== null && runner.exitCode === null && runner.signalCode === null) {
      const ended = new Promise((resolve) => runner.once('exit', resolve));
      runner.kill('SIGTERM');
      await ended;
    }
    await this.gateway.close();
  }
}

export interface RigScore {
  status: string;
  score: number | null;
  message: Record<string, unknown>;
  details: Record<string, unknown>;
  output: string;
  hashBefore: string;
  hashAfter: string;
}
