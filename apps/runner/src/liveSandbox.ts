import { join } from 'node:path';
import type { Clock } from '@plumbline/core';
import type { RunnerConfig, RunnerToGateway } from '@plumbline/protocol';
import type { Logger } from 'pino';
import type { Blobs } from './blobs.ts';
import { callHandlers } from './callHandlers.ts';
import type { CallHandlers } from './calls.ts';
import type { EventLog } from './eventLog.ts';
import { FreezeHolds } from './freezeHolds.ts';
import { LanguageActs } from './language/languageActs.ts';
import { LanguageServer } from './language/languageServer.ts';
import { watchMemory } from './language/memoryWatch.ts';
import { PythonInterpreters } from './language/pythonInterpreters.ts';
import { MODEL_SOCKET_NAME, Models } from './models.ts';
import type { OutputAllowance } from './outputAllowance.ts';
import { ParticipantClock } from './participantClock.ts';
import { type Provisioned, SHELL_INTEGRATION } from './provision.ts';
import { sampleResources } from './resources.ts';
import { SandboxPorts } from './sandboxPorts.ts';
import { Scoring } from './scoring.ts';
import type { ServerTime } from './serverTime.ts';
import { Snapshots } from './snapshots.ts';
import { TASK_SOCKET_NAME, TaskSocket } from './taskSocket.ts';
import { Terminals } from './terminals.ts';
import { watchedDisk } from './watchedDisk.ts';
import { WorkspaceActs } from './workspaceActs.ts';

/** A runner that ends has no longer for the family's `teardown()`: whoever asked it to end does not wait much more. */
const LAST_TEARDOWN_MS = 5_000;

export interface LiveSandboxOptions {
  readonly config: RunnerConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly log: EventLog;
  readonly time: ServerTime;
  readonly blobs: Blobs;
  readonly allowance: OutputAllowance;
  /** Whether a gateway was there to take it. */
  readonly send: (message: RunnerToGateway) => boolean;
  /** The participant stands still by no doing of theirs, or no longer. */
  readonly onStuck: () => void;
  /** The participant's processes ended, and nobody had asked for that; or they can no longer be thawed. */
  readonly onLost: (reason: string) => void;
}

/** All that works on a sandbox once it is there: put together, opened, and taken apart in the order in which parts rest on one another. */
export class LiveSandbox {
  readonly provisioned: Provisioned;
  readonly holds: FreezeHolds;
  readonly participantClock: ParticipantClock;
  readonly terminals: Terminals;
  readonly scoring: Scoring;
  readonly taskSocket: TaskSocket;
  readonly handlers: CallHandlers;
  readonly #options: LiveSandboxOptions;
  readonly #snapshots: Snapshots;
  readonly #models: Models;
  readonly #acts: WorkspaceActs;
  readonly #ports: SandboxPorts;
  readonly #languageServer: LanguageServer;
  #stopSampling: () => void = () => {};
  #stopMemoryWatch: () => void = () => {};
  #participantEnd: Promise<void> | null = null;
  #participantIsOver = false;
  #tornDown: Promise<void> | null = null;
  #tearsDownAtEnd = false;
  #finalised = false;
  #closing = false;

  constructor(provisioned: Provisioned, options: LiveSandboxOptions) {
    this.provisioned = provisioned;
    this.#options = options;
    const { config, clock, logger, log, time, blobs, send } = options;
    const { sandbox, files, task, restoredCommit } = provisioned;
    const holds = new FreezeHolds({
      sandbox,
      clock,
      logger,
      onStuck: options.onStuck,
      onGivenUp: () => options.onLost('the sandbox could be neither stopped nor thawed as the clock asks'),
    });
    const participantClock = new ParticipantClock({
      clock,
      holds,
      logger,
      onZero: (clockN) => {
        void snapshots.take('end');
        send({ t: 'zero', clockN });
      },
      onEnded: () => this.endParticipant(),
    });
    const isRunning = () => participantClock.running;
    const snapshots = new Snapshots({ files, blobs, log, clock, time, logger, isRunning, restoredCommit });
    const terminals = new Terminals({
      allowance: options.allowance,
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
      onListChanged: (list) => send({ t: 'terminals', terminals: list }),
    });
    const models = new Models({
      settings: task.settings,
      endpoint: config.model,
      stateDir: config.stateDir,
      socketDir: provisioned.socketDir,
      log,
      clock,
      isRunning,
    });
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
      secrets: config.secrets,
      createFresh: provisioned.createFresh,
      onStep: (score) => send({ t: 'scoreStep', score }),
    });
    const taskSocket = new TaskSocket({
      dir: provisioned.socketDir,
      clock,
      logger,
      forward: (request) => send({ t: 'task', ...request }),
    });
    const ports = new SandboxPorts({ sandbox, streamsUrl: config.gatewayUrl.replace(/\/runner$/, '/ports'), logger });
    const acts = new WorkspaceActs({ files, log, snapshots, participantClock, logger });
    const interpreters = new PythonInterpreters({ sandbox, stateDir: config.stateDir });
    const languageServer = new LanguageServer({
      command: () => sandbox.command('participant', provisioned.language.argv(config.memoryBytes)),
      home: sandbox.paths.home,
      pythonPath: () => interpreters.used(),
      clock,
      logger,
    });
    const language = new LanguageActs({ server: languageServer, interpreters, sandbox, files, clock });
    this.holds = holds;
    this.participantClock = participantClock;
    this.terminals = terminals;
    this.scoring = scoring;
    this.taskSocket = taskSocket;
    this.#snapshots = snapshots;
    this.#models = models;
    this.#acts = acts;
    this.#ports = ports;
    this.#languageServer = languageServer;
    this.handlers = callHandlers({
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
      endParticipant: () => this.endParticipant(),
      tearDown: () => this.#tearDown(),
    });
  }

  blobLost(): void {
    this.#snapshots.blobLost();
  }

  /** Resolves when the attempt can begin, or go on. */
  async open(): Promise<void> {
    const { config, clock, logger, log, onLost } = this.#options;
    const { sandbox, isNew } = this.provisioned;
    await this.#models.open(sandbox);
    await this.taskSocket.open();
    await this.scoring.recover();
    if (isNew) await this.#snapshots.take('start');
    sandbox.onEnded((view) => {
      const isOver = this.#closing || (view === 'participant' && this.#participantIsOver);
      if (!isOver) onLost('the sandbox ended by itself');
    });
    const workspaceDir = join(config.stateDir, 'workspace');
    this.#stopSampling = sampleResources({
      sandbox,
      gpuIds: config.gpuIds,
      memoryLimitBytes: config.memoryBytes,
      diskDirs: [workspaceDir, config.stateDir],
      watched: await watchedDisk(sandbox, { ...config, workspaceDir }),
      log,
      clock,
      logger,
      isRunning: () => this.participantClock.running,
    });
    const { memoryBytes: limitBytes } = config;
    if (limitBytes !== null) this.#stopMemoryWatch = watchMemory({ sandbox, server: this.#languageServer, limitBytes, clock, logger });
  }

  /** Whether the participant's part is over, and its last snapshot taken. */
  get finalised(): boolean {
    return this.#finalised;
  }

  /** The participant's part is over: its processes end, the last snapshot is taken. Done once; what failed may be asked for again. */
  endParticipant(): Promise<void> {
    this.#participantIsOver = true;
    this.#participantEnd ??= this.#endParticipant().catch((error: unknown) => {
      this.#participantEnd = null;
      throw error;
    });
    return this.#participantEnd;
  }

  /** The family's own end, once. */
  #tearDown(): Promise<void> {
    this.#tornDown ??= this.provisioned.tearDown();
    return this.#tornDown;
  }

  /** Nobody needs this sandbox any more: the family tears down as it ends, unless it has. */
  tearDownAtEnd(): void {
    this.#tearsDownAtEnd = true;
  }

  async #endParticipant(): Promise<void> {
    this.#languageServer.stop();
    await this.holds.finish();
    this.#ports.close();
    await this.provisioned.sandbox.killParticipant();
    await this.terminals.closeAll();
    await this.#snapshots.take('end');
    this.#finalised = true;
  }

  #tearDownWithin(withinMs: number): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const timer = clock.setTimer(withinMs, resolve);
      void this.#tearDown().finally(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  /** Ends everything of the attempt on this host and keeps its folders. */
  async close(): Promise<void> {
    const { sandbox, files } = this.provisioned;
    this.#closing = true;
    this.#stopSampling();
    this.#stopMemoryWatch();
    this.participantClock.stop();
    this.#snapshots.close();
    await this.taskSocket.close();
    await this.scoring.close();
    await this.#models.close();
    this.#ports.close();
    // A frozen shell cannot heed its hang-up, so the participant's processes are ended rather than asked.
    this.#languageServer.stop();
    await this.holds.finish();
    await sandbox.killParticipant();
    await this.terminals.dispose();
    if (this.#tearsDownAtEnd) await this.#tearDownWithin(LAST_TEARDOWN_MS);
    await this.#acts.close();
    await files.close();
    await sandbox.destroy();
  }
}
