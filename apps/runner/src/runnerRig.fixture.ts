import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { AttemptSetup } from '@plumbline/protocol';
import { runnerEnvironment } from '@plumbline/sandbox/host/hostEnvironment';
import { expect, vi } from 'vitest';
import { StubGateway } from './stubGateway.fixture.ts';

/** For tests: a real runner on a real sandbox, and a participant who types into its shells. */

const ENTRY = fileURLToPath(new URL('./main.ts', import.meta.url));
/** Of the participant's one page. */
export const TAB = 'b5a1c0de-0000-4000-8000-000000000001';
const HOUR_MS = 3_600_000;
/** What comes at once on a free machine, on one that is shared. */
export const WITHIN = { timeout: 20_000, interval: 20 };

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
  #port: number | null = null;
  #stderr = '';
  #clockN = 0;
  #typed = 0;
  #marks = 0;
  #terminal: number | null = null;
  #scores = 0;

  /** What the runner has logged. */
  get stderr(): string {
    return this.#stderr;
  }

  /** The number of the last input. */
  get typed(): number {
    return this.#typed;
  }

  /** The number of the last clock that the runner was told. */
  get clockN(): number {
    return this.#clockN;
  }

  /** Whether the runner that was started last still runs. */
  get runs(): boolean {
    return this.#runner !== null && this.#runner.exitCode === null && this.#runner.signalCode === null;
  }

  /** Starts a runner, also after one that was killed; resolves with null when its sandbox is ready, or with the reason that it tells. */
  async start(options: RigOptions): Promise<string | null> {
    this.#port ??= await this.gateway.listen();
    this.#stderr = '';
    this.gateway.messages.length = 0;
    this.#runner = spawn(process.execPath, [ENTRY], { stdio: ['pipe', 'ignore', 'pipe'], env: runnerEnvironment() });
    this.#runner.stderr?.on('data', (data: Buffer) => {
      this.#stderr += data.toString();
    });
    this.#runner.stdin?.end(
      JSON.stringify({
        attemptId: `test-${process.pid}`,
        token: 'secret',
        gatewayUrl: `ws://127.0.0.1:${this.#port}/realtime/runner`,
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

  clock(state: 'running' | 'frozen' | 'ended', remainingMs = HOUR_MS): void {
    this.#clockN += 1;
    this.gateway.send({ t: 'clock', n: this.#clockN, state, remainingMs });
  }

  /** Opens a terminal once the clock allows it; resolves with its number when it shows a prompt. */
  async openTerminal(): Promise<number> {
    const { terminal } = await vi.waitFor(() => this.gateway.call<{ terminal: number }>('terminal.open', { cols: 100, rows: 30 }), WITHIN);
    await this.shows(terminal, /\$ /);
    return terminal;
  }

  /** Has the participant type these characters into a terminal. */
  typeInto(terminal: number, text: string): void {
    this.#typed += 1;
    this.gateway.input(TAB, terminal, this.#typed, text);
  }

  /** Resolves when all that a terminal printed has this in it. */
  async shows(terminal: number, text: RegExp): Promise<void> {
    await vi.waitFor(() => expect(this.gateway.output(terminal)).toMatch(text), WITHIN);
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
    this.typeInto(await this.#open(), `${line}\r`);
  }

  /** Has the participant type a command; resolves when it has ended. */
  async sh(command: string): Promise<void> {
    const terminal = await this.#open();
    const mark = ++this.#marks;
    this.typeInto(terminal, ` { ${command}\n } >/dev/null 2>&1 </dev/null; echo mark-$((${mark}))-$((1+1))\r`);
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

  /** Ends the runner, and resolves with its exit status; the gateway stays for another one. */
  async endRunner(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const runner = this.#runner;
    if (runner === null || !this.runs) return runner?.exitCode ?? null;
    const ended = new Promise<number | null>((resolve) => runner.once('exit', resolve));
    runner.kill(signal);
    return ended;
  }

  async end(): Promise<void> {
    await this.endRunner();
    this.#port = null;
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
