import { systemClock } from '@plumbline/config';
import { AppError, type AttemptState, isUnderWay, toAppError } from '@plumbline/core';
import { type AttemptView, loadAttempt, noteOutage, setProgress } from '@plumbline/database';
import { CLOSE_CODES, type EventType, type RunnerHello, type RunnerToGateway, type TerminalInfo } from '@plumbline/protocol';
import type { AttemptRecorder } from '@plumbline/recording';
import type { WebSocket } from 'ws';
import { AbsencePause } from './absencePause.ts';
import { Acceptance } from './acceptance.ts';
import { AttachedBrowsers } from './attachedBrowsers.ts';
import { AttemptClock } from './attemptClock.ts';
import { openRecorder } from './attemptRecorder.ts';
import { BrowserSide } from './browserSide.ts';
import { Finalisation } from './finalisation.ts';
import type { Gateway } from './gateway.ts';
import { InputDurability } from './inputDurability.ts';
import { NewMessages } from './messages.ts';
import { OwnEvents } from './ownEvents.ts';
import { thawed } from './pausing.ts';
import { AttemptPorts } from './ports/attemptPorts.ts';
import { RunnerAcks } from './runnerAcks.ts';
import { RunnerConnection } from './runnerConnection.ts';
import { RunnerEvents } from './runnerEvents.ts';
import { Scoring } from './scoring.ts';
import { SetupCare } from './setupCare.ts';
import { SharedDocuments } from './sharedDocuments.ts';

/** Whether nobody needs the sandbox of an attempt any more. */
const hasClosed = (state: AttemptState): boolean => state === 'completed' || state === 'void' || state === 'withdrawn';

/**
 * One attempt that somebody is connected to: the runner's link, the browsers', the recorder between them and the
 * clock's timers. Everything here can be lost at any moment and is rebuilt from Postgres, the runner and the browsers.
 */
export class LiveAttempt {
  readonly id: string;
  readonly gateway: Gateway;
  readonly clock: AttemptClock;
  readonly scoring: Scoring;
  readonly browsers = new AttachedBrowsers();
  readonly browserSide: BrowserSide;
  readonly ports: AttemptPorts;
  readonly documents: SharedDocuments;
  readonly absence = new AbsencePause();
  view: AttemptView;
  runner: RunnerConnection | null = null;
  recorder: AttemptRecorder | null = null;
  terminals: TerminalInfo[] = [];
  /** The attached runner's sandbox is up. */
  sandboxReady = false;
  /** It has been made since the runner called; one that a full disk holds stays so. */
  sandboxMade = false;
  /** What its programs print is read slowly from here on: it has had more than an attempt's share. */
  outputLimited = false;
  readonly #input = new InputDurability();
  readonly #acks = new RunnerAcks((n) => this.runner?.send({ t: 'ack', n }), systemClock.setTimer);
  readonly #acceptance: Acceptance;
  readonly #finalisation: Finalisation;
  readonly #messages: NewMessages;
  readonly #setup: SetupCare;
  readonly #runnerEvents: RunnerEvents;
  readonly #ownEvents: OwnEvents;
  #stalled = false;
  #refreshing: Promise<void> = Promise.resolve();
  /** A runner that called is being given the recording. */
  #claim: ReturnType<typeof openRecorder> | null = null;

  constructor(gateway: Gateway, view: AttemptView) {
    this.gateway = gateway;
    this.id = view.id;
    this.view = view;
    this.clock = new AttemptClock(this);
    this.scoring = new Scoring(this);
    this.ports = new AttemptPorts(this);
    this.documents = new SharedDocuments({
      isConnected: (tab) => this.browsers.ofTab(tab).length > 0,
      tell: (tab, message) => {
        for (const browser of this.browsers.ofTab(tab)) browser.send(message);
      },
      later: (delayMs, call) => void setTimeout(call, delayMs).unref(),
    });
    this.browserSide = new BrowserSide(this, this.#input);
    this.#acceptance = new Acceptance(this);
    this.#finalisation = new Finalisation(this);
    this.#messages = new NewMessages(gateway.db, view.id);
    this.#runnerEvents = new RunnerEvents(this, this.#input);
    this.#ownEvents = new OwnEvents(() => gateway.time.nowMs());
    this.#setup = new SetupCare(this);
  }

  get recordingStalled(): boolean {
    return this.#stalled;
  }

  /** Reads the attempt again and tells runner and browsers what changed. Runs one at a time, in order. */
  refresh(): Promise<void> {
    this.#refreshing = this.#refreshing.then(async () => {
      const before = this.view.state;
      this.view = await loadAttempt(this.gateway.db, this.id);
      this.clock.publish();
      if (this.view.state !== 'running') this.ports.close();
      // Whoever resumed it: what is asked of the sandbox before it runs is refused, so that no screen could be drawn.
      if (before === 'paused' && this.view.state === 'running') this.#later(thawed(this).then(() => this.browsers.restoreAll()));
      this.recorder?.takeOutbox();
      await this.showNewMessages();
      this.#later(this.#setup.advance());
      if (this.view.state === 'finalising') this.#finalisation.advance();
      if (before !== this.view.state && hasClosed(this.view.state)) {
        this.runner?.send({ t: 'shutdown', reason: `the attempt is ${this.view.state}`, tearDown: true });
      }
    });
    const done = this.#refreshing;
    this.#refreshing = done.catch((error) => {
      this.gateway.log.warn({ attempt: this.id, error: String(error) }, 'could not read the attempt; its clock stands as it was');
    });
    return done;
  }

  // --- the runner's side

  /** Takes a runner's call: raises the epoch, opens the recorder on it, and gives back the outage that ends here if its sandbox is up. */
  async attachRunner(socket: WebSocket, hello: RunnerHello, tokenHash: string): Promise<void> {
    this.runner?.close(1000, 'another call of this runner was taken');
    const source = `runner:${hello.incarnation}`;
    if (source !== this.#runnerEvents.source) this.#input.runnerReplaced();
    this.#runnerEvents.source = source;
    const claim = openRecorder(this, tokenHash, source);
    this.#claim = claim;
    const { recorder, epoch, runnerMark, lastTerminal, recordedBytes } = await claim.finally(() => {
      if (this.#claim === claim) this.#claim = null;
    });
    this.recorder = recorder;
    this.#ownEvents.recorderOpened(epoch);
    this.browserSide.recorderOpened(recorder);
    recorder.skip(source, hello.firstN - 1, 'the host lost these before they were recorded');
    const ready = hello.phase !== 'starting';
    if (ready) await noteOutage(this.gateway.db, this.id);
    const runner: RunnerConnection = new RunnerConnection(socket, {
      onMessage: (message) => this.#fromRunner(message),
      onFrame: (frame) => {
        this.#acks.received(frame.bytes.length);
        this.#runnerEvents.frame(frame);
      },
      onError: (error) => this.gateway.log.error({ attempt: this.id, err: error }, 'a message of the runner could not be handled'),
      onClose: () => this.#runnerLeft(runner),
    });
    this.runner = runner;
    this.sandboxReady = ready;
    this.sandboxMade = ready;
    this.terminals = hello.terminals;
    for (const [tab, inputN] of Object.entries(hello.inputMarks)) this.#input.journalled(hello.lastN, tab, inputN);
    this.#acks.startAt(runnerMark);
    runner.send({ t: 'attached', epoch, ackedN: runnerMark, lastTerminal, recordedBytes, serverNowMs: this.gateway.time.nowMs() });
    this.browserSide.runnerAttached();
    this.sourceDurable(source, runnerMark);
    this.#later(this.#acceptance.attached(runner, hello));
    this.recordOwn('connection.attached', { tab: hello.incarnation, role: 'runner' });
    if (runnerMark > 0) this.recordOwn('connection.resumed', { tab: hello.incarnation, resentFrom: runnerMark + 1 });
    this.#ownEvents.recordKept(recorder);
    await this.refresh();
    for (const browser of this.browsers) {
      this.browserSide.sendDurable(browser);
      browser.send({ t: 'terminals', terminals: this.terminals });
    }
    if (this.sandboxReady) this.#sandboxIsBack();
  }

  /** The outage in which the sandbox was made anew ends here, not with the runner's call. */
  async #sandboxIsMade(message: Extract<RunnerToGateway, { t: 'ready' }>): Promise<void> {
    const runner = this.runner;
    if (!this.sandboxReady) {
      await noteOutage(this.gateway.db, this.id).catch((error: unknown) => {
        // It says so again at its next call.
        runner?.close(1011, 'the clock could not be told of the sandbox');
        throw error;
      });
      if (this.runner !== runner) return;
      this.sandboxReady = true;
      this.sandboxMade = true;
      await this.refresh();
      this.#sandboxIsBack();
    }
    await this.#acceptance.ready(message);
  }

  /** Who works and who watches may go on: the runner is here, and its sandbox is made. */
  #sandboxIsBack(): void {
    this.browsers.broadcast({ t: 'sandbox', state: 'attached' });
    this.browsers.restoreAll();
  }

  #runnerLeft(runner: RunnerConnection): void {
    if (this.runner !== runner) return;
    this.runner = null;
    this.#acks.stop();
    this.recordOwn('connection.detached', { tab: this.#runnerEvents.source, role: 'runner' });
    this.#sandboxIsAway();
  }

  #sandboxIsAway(): void {
    this.sandboxReady = false;
    this.browsers.broadcast({ t: 'sandbox', state: 'away' });
  }

  /** Another gateway took the call: this one may write nothing more. */
  lostOwnership(): void {
    // It is this one that takes it, for a runner that came again, unless that fails.
    if (this.#claim !== null) return void this.#claim.catch(() => this.lostOwnership());
    this.recorder = null;
    this.runner?.close(1000, 'another gateway took this attempt');
    this.browsers.close(CLOSE_CODES.restarting, 'the attempt moved to another gateway');
  }

  #fromRunner(message: Exclude<RunnerToGateway, { t: 'hello' | 'answer' | 'ping' | 'pong' }>): void {
    switch (message.t) {
      case 'event':
        return this.#runnerEvents.event(message);
      case 'terminals':
        this.terminals = message.terminals;
        return this.browsers.broadcast({ t: 'terminals', terminals: message.terminals });
      case 'scoreStep':
        return this.scoring.cameTo(message.score);
      case 'progress':
        return this.#later(setProgress(this.gateway.db, this.id, message.step.slice(0, 500), message.fraction));
      case 'buildLog':
        return this.#later(this.#acceptance.buildLog(message));
      case 'ready':
        return this.#later(this.#sandboxIsMade(message));
      case 'failed':
        return this.#later(this.#acceptance.failed(message.reason.slice(0, 2000)));
      case 'stalled':
        return this.#sandboxIsAway();
      case 'outputLimited':
        this.outputLimited = true;
        return this.browsers.broadcast({ t: 'outputLimited' });
      case 'zero':
        return this.clock.runnerReachedZero();
      case 'slept':
        return this.#later(this.clock.hostSlept(message));
      case 'task':
        return this.#taskCommand(message);
    }
  }

  #taskCommand(message: Extract<RunnerToGateway, { t: 'task' }>): void {
    const runner = this.runner;
    this.handleTask(message.act, message.args).then(
      (result) => runner?.send({ t: 'taskReply', id: message.id, result }),
      (error) => {
        const { code, message: text } = toAppError(error);
        runner?.send({ t: 'taskReply', id: message.id, error: { code, message: text } });
      },
    );
  }

  /** Set by the registry, which knows the acts: keeps this file free of them. */
  handleTask: (act: string, args: unknown) => Promise<unknown> = () =>
    Promise.reject(new AppError('unavailable', 'The gateway is starting.'));

  // --- the recording

  /** An event that this gateway saw itself. */
  recordOwn(type: EventType, data: unknown): void {
    this.#ownEvents.record(this.recorder, type, data);
  }

  /** Shows everyone what participant and staff wrote to each other since the last look. */
  async showNewMessages(): Promise<void> {
    for (const message of await this.#messages.take()) this.browsers.broadcast({ t: 'message', ...message });
  }

  /** The recording holds this source's events up to `n`: tell whoever keeps them that they may go. */
  sourceDurable(source: string, n: number): void {
    if (source === this.#runnerEvents.source) {
      this.#acks.durable(n);
      const moved = this.#input.committed(n);
      for (const browser of this.browsers) if (moved.has(browser.tab)) this.browserSide.sendDurable(browser);
      return;
    }
    if (!source.startsWith('tab:')) return;
    for (const browser of this.browsers.ofTab(source.slice('tab:'.length))) this.browserSide.sendDurable(browser);
  }

  /** How far the runner's journal is durable. */
  get runnerMark(): number {
    return this.recorder?.mark(this.#runnerEvents.source) ?? 0;
  }

  setStalled(stalled: boolean): void {
    this.#stalled = stalled;
    this.browsers.broadcast({ t: 'recording', stalled });
  }

  /** Lets go of sockets and timers when this process stops; the attempt goes on with the next gateway. */
  async close(): Promise<void> {
    this.clock.stop();
    this.#acks.stop();
    this.ports.close();
    this.browsers.close(CLOSE_CODES.restarting, 'the gateway restarts');
    await this.recorder?.flush();
    this.runner?.close(1012, 'the gateway restarts');
  }

  /** Whether the participant's work is open to them now. */
  get underWay(): boolean {
    return isUnderWay(this.view.state);
  }

  #later(work: Promise<unknown>): void {
    work.catch((error) => this.gateway.log.error({ attempt: this.id, error: String(error) }, 'a step of the attempt failed'));
  }
}
