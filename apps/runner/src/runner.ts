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
import type { Logger } from 'pino';
import { Blobs } from './blobs.ts';
import { callHandlers } from './callHandlers.ts';
import { answerCall, type CallHandlers } from './calls.ts';
import { incarnationOf } from './config.ts';
import { EventLog, type LogState, openJournal } from './eventLog.ts';
import { FreezeHolds } from './freezeHolds.ts';
import { findHardware } from './hardware.ts';
import type { Journal } from './journal.ts';
import { LanguageActs } from './language/languageActs.ts';
import { LanguageServer } from './language/languageServer.ts';
import { Link } from './link.ts';
import { MODEL_SOCKET_NAME, Models } from './models.ts';
import { ParticipantClock } from './participantClock.ts';
import { type Provisioned, provision, SHELL_INTEGRATION } from './provision.ts';
import { sampleResources } from './resources.ts';
import { SandboxPorts } from './sandboxPorts.ts';
import { Scoring } from './scoring.ts';
import { ServerTime } from './serverTime.ts';
import { applySetup } from './setup.ts';
import { watchSleep } from './sleepWatch.ts';
import { Snapshots } from './snapshots.ts';
import { TASK_SOCKET_NAME, TaskSocket } from './taskSocket.ts';
import { Terminals } from './terminals.ts';
import { WorkspaceActs } from './workspaceActs.ts';

/** One attempt's sandbox and everything around it, from an empty state folder to a clean end. */

export const RUNNER_VERSION = '0.1.0';
const LINK_GRACE_MS = 1_000;
/** Frames of input; more than a tab may hold that is not durable. */
const EARLY_INPUT_MAX = 4_000;
/** A gateway that is not there within this time learns of a failure from the runner's absence. */
const FAILURE_TOLD_WITHIN_MS = 10_000;

export interface RunnerOptions {
  readonly config: RunnerConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The runner is of no use any more and should end: with this exit code, for this reason. */
  readonly onOver: (exitCode: number, reason: string) => void;
}

/** Exit codes that the log of a placement shows. */
export const EXIT = { asked: 0, failed: 1, refused: 3, sandboxLost: 4, provisioning: 5 } as const;

/** What exists once the sandbox is ready. */
interface Live extends Provisioned {
  readonly holds: FreezeHolds;
  readonly participantClock: ParticipantClock;
  readonly terminals: Terminals;
  readonly snapshots: Snapshots;
  readonly scoring: Scoring;
  readonly models: Models;
  readonly taskSocket: TaskSocket;
  readonly acts: WorkspaceActs;
  readonly ports: SandboxPorts;
  readonly languageServer: LanguageServer;
  readonly handlers: CallHandlers;
  readonly stopSampling: () => void;
}

export class Runner {
  readonly #options: RunnerOptions;
  readonly #journal: Journal<LogState>;
  readonly #time: ServerTime;
  readonly #log: EventLog;
  readonly #link: Link;
  readonly #blobs: Blobs;
  readonly #stopSleepWatch: () => void;
  #live: Live | null = null;
  #phase: RunnerHello['phase'] = 'starting';
  #clockMessage: Extract<GatewayToRunner, { t: 'clock' }> | null = null;
  /** Input that came before the terminals were there: after a restart it is for those that have ended. */
  #earlyInput: ((terminals: Terminals) => void)[] = [];
  /** Messages that are told once the gateway is there, by kind: only the newest of a kind counts. */
  readonly #untold = new Map<string, RunnerToGateway>();
  #ending: Promise<void> | null = null;
  #participantOver = false;
  #participantEnd: Promise<void> | null = null;

  constructor(options: RunnerOptions) {
    this.#options = options;
    const { config, clock, logger } = options;
    this.#journal = openJournal(join(config.stateDir, 'journal'));
    this.#time = new ServerTime(clock, this.#journal.state.lastAtMs);
    this.#log = new EventLog(this.#journal, this.#time);
    this.#blobs = new Blobs({
      dir: join(config.stateDir, 'blobs'),
      url: config.gatewayUrl.replace(/^ws/, 'http').replace(/\/runner$/, '/blobs'),
      token: config.token,
      clock,
      logger,
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
      onAttached: () => this.#attached(),
      onDetached: () => this.#detached(),
      onRefused: (code, message) => options.onOver(EXIT.refused, `${code}: ${message}`),
    });
    this.#stopSleepWatch = watchSleep(clock, (sleptMs) => this.#slept(sleptMs));
  }

  /** Dials, prepares the sandbox and says `ready`; what goes wrong is told to the gateway and ends the runner. */
  async start(): Promise<void> {
    const { config, logger } = this.#options;
    this.#link.open();
    await this.#blobs.open();
    try {
      const finding = findHardware(config);
      const provisioned = await provision({
        config,
        logger,
        onProgress: (step, fraction) => this.#tell({ t: 'progress', step, fraction }),
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
    const live = this.#live;
    if (live !== null) {
      live.stopSampling();
      live.participantClock.stop();
      live.snapshots.close();
      await live.taskSocket.close();
      await live.scoring.close();
      await live.models.close();
      live.ports.close();
      // A frozen shell cannot heed its hang-up, so the participant's processes are ended rather than asked.
      live.languageServer.stop();
      await live.holds.finish();
      await live.sandbox.killParticipant();
      await live.terminals.dispose();
      await live.acts.close();
      await live.files.close();
      await live.sandbox.destroy();
    }
    this.#blobs.close();
    await this.#link.close(LINK_GRACE_MS);
    this.#journal.close();
  }

  async #goLive(provisioned: Provisioned, hardware: SandboxHardware): Promise<void> {
    const { config, clock, logger } = this.#options;
    const { sandbox, files, task } = provisioned;
    const log = this.#log;
    const blobs = this.#blobs;
    const holds = new FreezeHolds(sandbox, logger);
    const participantClock = new ParticipantClock({
      clock,
      holds,
      logger,
      onZero: (clockN) => {
        void snapshots.take('end');
        this.#link.send({ t: 'zero', clockN });
      },
      onEnded: () => this.#endParticipant(),
    });
    const isRunning = () => participantClock.running;
    const snapshots = new Snapshots({ files, blobs, log, clock, time: this.#time, logger, isRunning });
    const terminals = new Terminals({
      lastTerminal: config.restore?.lastTerminal ?? 0,
      log,
      clock,
      logger,
      shellCommand: (env) =>
        sandbox.command('participant', ['/bin/bash', '--init-file', join(sandbox.paths.run, SHELL_INTEGRATION), '-i'], {
          tty: true,
          env: {
            ...env,
            PLUMBLINE_SOCKET: join(sandbox.paths.run, TASK_SOCKET_NAME),
            ...(task.settings.model === null ? {} : { PLUMBLINE_MODEL_SOCKET: join(sandbox.paths.run, MODEL_SOCKET_NAME) }),
            // The system's profile, which a login shell reads, is without isolation the host's own and forgets the view's PATH.
            PLUMBLINE_SHELL_LOGIN: sandbox.isolation === 'none' ? '' : '1',
          },
        }),
      onListChanged: (list) => this.#link.send({ t: 'terminals', terminals: list }),
    });
    const { secrets } = config;
    const { createFresh } = provisioned;
    const models = new Models({
      settings: task.settings,
      endpoint: config.model,
      stateDir: config.stateDir,
      socketDir: provisioned.socketDir,
      log,
      clock,
      isRunning,
    });
    await models.open(sandbox);
    const scoring = new Scoring({
      stateDir: config.stateDir,
      task,
      sandbox,
      sandboxDir: provisioned.sandboxDir,
      models,
      files,
      blobs,
      snapshots,
      holds,
      log,
      clock,
      logger,
      secrets,
      createFresh,
    });
    const taskSocket = new TaskSocket({
      dir: provisioned.socketDir,
      clock,
      logger,
      forward: (request) => this.#link.send({ t: 'task', ...request }),
    });
    await taskSocket.open();
    await scoring.recover();
    if (provisioned.isNew) await snapshots.take('start');
    sandbox.onEnded(() => {
      if (!this.#participantOver && this.#ending === null) this.#options.onOver(EXIT.sandboxLost, 'the sandbox ended by itself');
    });
    const ports = new SandboxPorts({ sandbox, streamsUrl: config.gatewayUrl.replace(/\/runner$/, '/ports'), logger });
    const acts = new WorkspaceActs({ files, log, snapshots, participantClock, logger });
    const languageServer = new LanguageServer({
      command: () => sandbox.command('participant', provisioned.language.argv(config.memoryBytes)),
      home: sandbox.paths.home,
      clock,
      logger,
    });
    const language = new LanguageActs({ server: languageServer, home: sandbox.paths.home, files });
    const live: Live = {
      ...provisioned,
      holds,
      participantClock,
      terminals,
      snapshots,
      scoring,
      models,
      taskSocket,
      acts,
      ports,
      languageServer,
      stopSampling: sampleResources({
        sandbox,
        gpuIds: config.gpuIds,
        memoryLimitBytes: config.memoryBytes,
        diskDirs: [join(config.stateDir, 'workspace'), config.stateDir],
        log,
        clock,
        logger,
        isRunning,
      }),
      handlers: callHandlers({
        ...provisioned,
        stateDir: config.stateDir,
        log,
        blobs,
        holds,
        participantClock,
        terminals,
        snapshots,
        scoring,
        acts,
        ports,
        language,
        endParticipant: () => this.#endParticipant(),
      }),
    };
    this.#live = live;
    this.#phase = 'ready';
    for (const early of this.#earlyInput.splice(0)) early(terminals);
    if (this.#clockMessage !== null) participantClock.apply(this.#clockMessage);
    this.#tell({
      t: 'ready',
      instructionsHash: createHash('sha256').update(task.facts.instructions).digest('hex'),
      isolation: sandbox.isolation,
      freezeMethod: sandbox.freezeMethod,
      hardware,
    });
    logger.info({ isolation: sandbox.isolation, freezeMethod: sandbox.freezeMethod, isNew: provisioned.isNew }, 'the sandbox is ready');
  }

  /** The participant's part is over: its processes end, the last snapshot is taken. Done once. */
  #endParticipant(): Promise<void> {
    this.#participantEnd ??= this.#doEndParticipant();
    return this.#participantEnd;
  }

  async #doEndParticipant(): Promise<void> {
    const live = this.#live;
    if (live === null) return;
    this.#participantOver = true;
    live.languageServer.stop();
    await live.holds.finish();
    live.ports.close();
    await live.sandbox.killParticipant();
    await live.terminals.closeAll();
    await live.snapshots.take('end');
    this.#phase = 'finalised';
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
        this.#options.onOver(EXIT.asked, message.reason);
    }
  }

  #toTerminals(input: (terminals: Terminals) => void): void {
    if (this.#live !== null) input(this.#live.terminals);
    else if (this.#earlyInput.length < EARLY_INPUT_MAX) this.#earlyInput.push(input);
  }

  #attached(): void {
    this.#live?.participantClock.gatewayFound();
    for (const message of this.#untold.values()) this.#link.send(message);
    this.#untold.delete('slept');
    const zeroN = this.#live?.participantClock.zeroN ?? null;
    if (zeroN !== null) this.#link.send({ t: 'zero', clockN: zeroN });
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
