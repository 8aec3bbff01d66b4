import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type Clock, toAppError } from '@plumbline/core';
import {
  type GatewayToRunner,
  PROTOCOL_VERSION,
  type RunnerConfig,
  type RunnerHello,
  type RunnerToGateway,
  type SandboxHardware,
} from '@plumbline/protocol';
import { failureLines } from '@plumbline/sandbox';
import { networkOf } from '@plumbline/taskstandard';
import type { Logger } from 'pino';
import { Blobs } from './blobs.ts';
import { BuildLog } from './buildLog.ts';
import { answerCall } from './calls.ts';
import { incarnationOf } from './config.ts';
import { EventLog, type LogState, openJournal } from './eventLog.ts';
import { findHardware } from './hardware.ts';
import type { Journal } from './journal.ts';
import { Link } from './link.ts';
import { LiveSandbox } from './liveSandbox.ts';
import { OutputAllowance } from './outputAllowance.ts';
import { type Provisioned, provision } from './provision.ts';
import { ServerTime } from './serverTime.ts';
import { applySetup } from './setup.ts';
import { watchSleep } from './sleepWatch.ts';
import type { Terminals } from './terminals.ts';

/** One attempt's sandbox and everything around it, from an empty state folder to a clean end. */

export const RUNNER_VERSION = '0.1.0';
const LINK_GRACE_MS = 1_000;
/** Frames of input; more than a tab may hold that is not durable. */
const EARLY_INPUT_MAX = 4_000;
/** A gateway that is not there within this time learns of a failure from the runner's absence. */
const FAILURE_TOLD_WITHIN_MS = 10_000;
/** Of what a failed step printed, so many of its last lines are told. */
const FAILURE_LINES = 200;

export interface RunnerOptions {
  readonly config: RunnerConfig;
  /** The cluster's node that this is; null on a machine of its own. */
  readonly node: string | null;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The runner is of no use any more and should end: with this exit code, for this reason. */
  readonly onOver: (exitCode: number, reason: string) => void;
}

/** Exit codes that the log of a placement shows. */
export const EXIT = { asked: 0, failed: 1, refused: 3, sandboxLost: 4, provisioning: 5 } as const;

export class Runner {
  readonly #options: RunnerOptions;
  readonly #journal: Journal<LogState>;
  readonly #time: ServerTime;
  readonly #log: EventLog;
  readonly #link: Link;
  readonly #blobs: Blobs;
  readonly #allowance: OutputAllowance;
  readonly #buildLog: BuildLog;
  readonly #stopSleepWatch: () => void;
  #live: LiveSandbox | null = null;
  #clockMessage: Extract<GatewayToRunner, { t: 'clock' }> | null = null;
  /** Input that came before the terminals were there: after a restart it is for those that have ended. */
  #earlyInput: ((terminals: Terminals) => void)[] = [];
  /** Messages that are told once the gateway is there, by kind: only the newest of a kind counts. */
  readonly #untold = new Map<string, RunnerToGateway>();
  #ending: Promise<void> | null = null;

  constructor(options: RunnerOptions) {
    this.#options = options;
    const { config, clock, logger } = options;
    this.#journal = openJournal(join(config.stateDir, 'journal'));
    this.#time = new ServerTime(clock, this.#journal.state.lastAtMs);
    this.#log = new EventLog(this.#journal, this.#time, clock);
    this.#blobs = new Blobs({
      dir: join(config.stateDir, 'blobs'),
      url: config.gatewayUrl.replace(/^ws/, 'http').replace(/\/runner$/, '/blobs'),
      token: config.token,
      clock,
      logger,
      onLost: (lost) => {
        this.#log.event('blob.lost', 0, lost);
        this.#live?.blobLost();
      },
    });
    this.#link = new Link({
      url: config.gatewayUrl,
      attemptId: config.attemptId,
      token: config.token,
      version: RUNNER_VERSION,
      incarnation: incarnationOf(config.stateDir),
      protocol: PROTOCOL_VERSION,
      log: this.#log,
      time: this.#time,
      clock,
      logger,
      hello: () => ({
        phase: this.#phase,
        terminals: this.#live?.terminals.list() ?? [],
        frozen: this.#live?.holds.frozen ?? false,
        scoring: this.#live?.scoring.current ?? null,
      }),
      onMessage: (message) => this.#receive(message),
      onInput: (chunk) => this.#toTerminals((terminals) => terminals.input(chunk)),
      onAttached: (recordedBytes) => this.#attached(recordedBytes),
      onDetached: () => this.#detached(),
      onRefused: (code, message) => options.onOver(EXIT.refused, `${code}: ${message}`),
    });
    this.#buildLog = new BuildLog(clock, (message) => this.#link.send(message));
    this.#log.onStalled((stalled) => this.#stalled(stalled));
    this.#allowance = new OutputAllowance({ clock });
    let wasLimited = false;
    this.#allowance.onChanged(() => {
      if (this.#allowance.limited && !wasLimited) this.#link.send({ t: 'outputLimited' });
      wasLimited = this.#allowance.limited;
    });
    this.#stopSleepWatch = watchSleep(clock, (sleptMs) => this.#slept(sleptMs));
  }

  /** Dials, prepares the sandbox and says `ready`; what goes wrong is told to the gateway and ends the runner. */
  async start(): Promise<void> {
    const { config, node, logger } = this.#options;
    this.#link.open();
    await this.#blobs.open();
    try {
      const finding = findHardware({ ...config, node });
      const provisioned = await provision({
        config,
        logger,
        onProgress: (step, fraction) => this.#tell({ t: 'progress', step, fraction }),
        onBuildLine: (line) => this.#buildLog.add(line),
        fetchBlob: (hash) => this.#blobs.fetch(hash),
        laySetup: async (files) => {
          if (config.setup !== null) await applySetup({ files, stateDir: config.stateDir, log: this.#log }, config.setup);
        },
      });
      const hardware = await finding;
      if (this.#ending !== null) {
        await provisioned.files.close();
        await provisioned.sandbox.destroy();
        return;
      }
      await this.#goLive(provisioned, hardware);
    } catch (error) {
      const { code, message, cause } = toAppError(error);
      logger.error({ code, err: cause ?? error }, 'the sandbox could not be prepared');
      const why = Object.assign(new Error(message), { cause });
      for (const line of failureLines(why, Object.values(config.secrets), FAILURE_LINES)) this.#buildLog.add(line);
      this.#buildLog.tell();
      this.#tell({ t: 'failed', reason: message });
      await this.#attachedWithin(FAILURE_TOLD_WITHIN_MS);
      this.#options.onOver(EXIT.provisioning, message);
    }
  }

  async #attachedWithin(withinMs: number): Promise<void> {
    const { clock } = this.#options;
    const untilMs = clock.monoMs() + withinMs;
    while (!this.#link.attached && clock.monoMs() < untilMs && this.#ending === null) {
      await new Promise<void>((resolve) => clock.setTimer(50, resolve));
    }
  }

  /** Ends everything of the attempt on this host and keeps the workspace and the journal. Idempotent. */
  stop(): Promise<void> {
    this.#ending ??= this.#stop();
    return this.#ending;
  }

  async #stop(): Promise<void> {
    this.#stopSleepWatch();
    await this.#live?.close();
    this.#blobs.close();
    await this.#link.close(LINK_GRACE_MS);
    this.#log.close();
    this.#journal.close();
  }

  async #goLive(provisioned: Provisioned, hardware: SandboxHardware): Promise<void> {
    const { config, clock, logger, onOver } = this.#options;
    const live = new LiveSandbox(provisioned, {
      config,
      clock,
      logger,
      log: this.#log,
      time: this.#time,
      blobs: this.#blobs,
      allowance: this.#allowance,
      send: (message) => this.#link.send(message),
      onStuck: () => this.#tellWhetherHeld(),
      onLost: (reason) => {
        if (this.#ending === null) onOver(EXIT.sandboxLost, reason);
      },
    });
    await live.open();
    this.#live = live;
    for (const early of this.#earlyInput.splice(0)) early(live.terminals);
    if (this.#clockMessage !== null) live.participantClock.apply(this.#clockMessage);
    const { sandbox, task, isNew } = provisioned;
    const { isolation, freezeMethod } = sandbox;
    const instructionsHash = createHash('sha256').update(task.facts.instructions).digest('hex');
    this.#buildLog.tell();
    this.#tell({ t: 'ready', instructionsHash, isolation, freezeMethod, network: networkOf(task.facts.permissions), hardware });
    logger.info({ isolation, freezeMethod, isNew }, 'the sandbox is ready');
  }

  get #phase(): RunnerHello['phase'] {
    if (this.#live === null || this.#isHeld) return 'starting';
    return this.#live.finalised ? 'finalised' : 'ready';
  }

  #receive(message: Exclude<GatewayToRunner, { t: 'attached' | 'refused' | 'ack' | 'ping' | 'pong' }>): void {
    switch (message.t) {
      case 'clock':
        if (this.#clockMessage === null || message.n >= this.#clockMessage.n) this.#clockMessage = message;
        this.#live?.participantClock.apply(message);
        return;
      case 'call':
        void answerCall(message, this.#live?.handlers ?? null, this.#options.logger).then((answer) => this.#link.send(answer));
        return;
      case 'taskReply':
        this.#live?.taskSocket.answer({ id: message.id, result: message.result, error: message.error });
        return;
      case 'tab':
        this.#toTerminals((terminals) => terminals.settleInput(message.tab, message.inputN));
        return;
      case 'shutdown':
        if (message.tearDown === true) this.#live?.tearDownAtEnd();
        this.#options.onOver(EXIT.asked, message.reason);
    }
  }

  #toTerminals(input: (terminals: Terminals) => void): void {
    if (this.#live !== null) input(this.#live.terminals);
    else if (this.#earlyInput.length < EARLY_INPUT_MAX) this.#earlyInput.push(input);
  }

  #attached(recordedBytes: number): void {
    this.#allowance.recordedBefore(recordedBytes);
    if (this.#allowance.limited) this.#link.send({ t: 'outputLimited' });
    this.#live?.participantClock.gatewayFound();
    this.#buildLog.tellAgain();
    for (const message of this.#untold.values()) if (message.t !== 'ready' || !this.#isHeld) this.#link.send(message);
    this.#untold.delete('slept');
    const score = this.#live?.scoring.step ?? null;
    if (score !== null) this.#link.send({ t: 'scoreStep', score });
    const zeroN = this.#live?.participantClock.zeroN ?? null;
    if (zeroN !== null) this.#link.send({ t: 'zero', clockN: zeroN });
  }

  #stalled(stalled: boolean): void {
    const { logger } = this.#options;
    if (stalled) logger.error('the disk under the state folder is full; nothing is read or typed until there is room');
    else logger.info('there is room on the disk again');
    this.#tellWhetherHeld();
  }

  /** Whether a full disk or a thaw that fails holds the expert's work. */
  get #isHeld(): boolean {
    return this.#log.stalled || (this.#live?.holds.stuck ?? false);
  }

  /** What holds it is none of the expert's doing: the gateway tells them, and gives the time back. */
  #tellWhetherHeld(): void {
    const phase = this.#untold.get('phase');
    if (phase?.t !== 'ready' || this.#ending !== null) return;
    this.#link.send(this.#isHeld ? { t: 'stalled' } : phase);
  }

  #detached(): void {
    // Their tabs still hold these, and send them again.
    this.#earlyInput = [];
    this.#live?.participantClock.gatewayLost();
    this.#live?.taskSocket.gatewayLost();
    this.#live?.terminals.linkLost();
  }

  /** Sends now, and again at each attach, what is not journalled and yet must arrive. */
  #tell(message: Extract<RunnerToGateway, { t: 'progress' | 'ready' | 'failed' }>): void {
    this.#untold.clear();
    this.#untold.set('phase', message);
    this.#link.send(message);
  }

  #slept(sleptMs: number): void {
    this.#time.skip(sleptMs);
    const toMs = this.#time.nowMs();
    const message = { t: 'slept', fromMs: toMs - sleptMs, toMs } as const;
    this.#options.logger.warn({ sleptMs }, 'the host slept');
    if (!this.#link.send(message)) this.#untold.set('slept', message);
  }
}
