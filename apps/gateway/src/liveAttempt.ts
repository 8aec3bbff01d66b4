import { AppError, type AttemptState, isUnderWay, toAppError } from '@plumbline/core';
import { type AttemptView, listScores, loadAttempt, noteOutage, setProgress } from '@plumbline/database';
import {
  CLOSE_CODES,
  type EventType,
  encodeForwardedInput,
  type InputFrame,
  type RunnerHello,
  type RunnerToGateway,
  type TerminalInfo,
} from '@plumbline/protocol';
import type { AttemptRecorder } from '@plumbline/recording';
import type { WebSocket } from 'ws';
import { AbsencePause } from './absencePause.ts';
import { Acceptance } from './acceptance.ts';
import { AttachedBrowsers } from './attachedBrowsers.ts';
import { AttemptClock } from './attemptClock.ts';
import { openRecorder } from './attemptRecorder.ts';
import type { BrowserConnection, RestoredScreen } from './browserConnection.ts';
import { Finalisation } from './finalisation.ts';
import type { Gateway } from './gateway.ts';
import { eventOfPage } from './incomingEvents.ts';
import { InputDurability } from './inputDurability.ts';
import { NewMessages } from './messages.ts';
import { OwnEvents } from './ownEvents.ts';
import { thawed } from './pausing.ts';
import { AttemptPorts } from './ports/attemptPorts.ts';
import { RunnerConnection } from './runnerConnection.ts';
import { RunnerEvents } from './runnerEvents.ts';
import { scoreRowFor, scoreScaleFor } from './scoreView.ts';
import { Scoring } from './scoring.ts';
import { SetupCare } from './setupCare.ts';
import { SharedDocuments } from './sharedDocuments.ts';
import { TabEvents } from './tabEvents.ts';

/** Whether nobody needs the sandbox of an attempt any more. */
const hasClosed = (state: AttemptState): boolean => state === 'completed' || state === 'void' || state === 'withdrawn';

const OUTAGE_CAUSE = 'the platform lost the link to the sandbox';

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
  readonly #input = new InputDurability();
  readonly #tabEvents = new TabEvents();
  readonly #acceptance: Acceptance;
  readonly #finalisation: Finalisation;
  readonly #messages: NewMessages;
  readonly #setup: SetupCare;
  readonly #runnerEvents: RunnerEvents;
  readonly #ownEvents: OwnEvents;
  #stalled = false;
  #outputLimited = false;
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
    this.#tabEvents.recorderOpened(recorder);
    recorder.skip(source, hello.firstN - 1, 'the host lost these before they were recorded');
    const ready = hello.phase !== 'starting';
    if (ready) await noteOutage(this.gateway.db, this.id, OUTAGE_CAUSE);
    const runner: RunnerConnection = new RunnerConnection(socket, {
      onMessage: (message) => this.#fromRunner(message),
      onFrame: (frame) => this.#runnerEvents.frame(frame),
      onError: (error) => this.gateway.log.error({ attempt: this.id, err: error }, 'a message of the runner could not be handled'),
      onClose: () => this.#runnerLeft(runner),
    });
    this.runner = runner;
    this.sandboxReady = ready;
    this.sandboxMade = ready;
    this.terminals = hello.terminals;
    for (const [tab, inputN] of Object.entries(hello.inputMarks)) this.#input.journalled(hello.lastN, tab, inputN);
    runner.send({ t: 'attached', epoch, ackedN: runnerMark, lastTerminal, recordedBytes, serverNowMs: this.gateway.time.nowMs() });
    for (const browser of this.browsers) {
      browser.sandboxReplaced();
      this.#tellOfTab(browser);
    }
    this.sourceDurable(source, runnerMark);
    this.#later(this.#acceptance.attached(runner, hello));
    this.recordOwn('connection.attached', { tab: hello.incarnation, role: 'runner' });
    if (runnerMark > 0) this.recordOwn('connection.resumed', { tab: hello.incarnation, resentFrom: runnerMark + 1 });
    this.#ownEvents.recordKept(recorder);
    await this.refresh();
    for (const browser of this.browsers) {
      this.#sendDurable(browser);
      browser.send({ t: 'terminals', terminals: this.terminals });
    }
    if (this.sandboxReady) this.#sandboxIsBack();
  }

  /** The outage in which the sandbox was made anew ends here, not with the runner's call. */
  async #sandboxIsMade(message: Extract<RunnerToGateway, { t: 'ready' }>): Promise<void> {
    const runner = this.runner;
    if (!this.sandboxReady) {
      await noteOutage(this.gateway.db, this.id, OUTAGE_CAUSE).catch((error: unknown) => {
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
        this.#outputLimited = true;
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

  // --- the browsers' side

  async attachBrowser(browser: BrowserConnection): Promise<void> {
    browser.onRestoreWanted((terminal) => this.#screenOf(terminal));
    this.browsers.add(browser);
    this.#tellOfTab(browser);
    await this.showNewMessages();
    const scores = await listScores(this.gateway.db, this.id);
    // It may have left while the database was asked.
    if (!this.browsers.has(browser)) return;
    this.#tabEvents.welcomed(browser, this.recorder);
    browser.send({
      t: 'welcome',
      version: this.gateway.version,
      attemptId: this.id,
      title: this.view.title,
      clock: this.clock.clockView(),
      status: this.clock.status(),
      terminals: this.terminals,
      scores: scores.map((row) => scoreRowFor(row, this.view)),
      scoreScale: scoreScaleFor(this.view),
      ...(this.scoring.progress === null ? {} : { scoreProgress: this.scoring.progress }),
      sandbox: this.sandboxReady ? 'attached' : 'away',
      eventsDurable: this.recorder?.mark(`tab:${browser.tab}`) ?? 0,
      inputDurable: this.#input.durable(browser.tab),
    });
    if (this.#stalled) browser.send({ t: 'recording', stalled: true });
    if (this.#outputLimited) browser.send({ t: 'outputLimited' });
    this.recordOwn('connection.attached', { tab: browser.tab, role: 'participant' });
    const { firstEventN, firstInputN } = browser;
    const mark = this.recorder?.mark(`tab:${browser.tab}`) ?? 0;
    if (mark > 0 || firstEventN > 1 || firstInputN > 1) {
      this.recordOwn('connection.resumed', { tab: browser.tab, resentFrom: Math.max(mark + 1, firstEventN) });
    }
  }

  #tellOfTab({ tab, firstInputN }: BrowserConnection): void {
    this.runner?.send({ t: 'tab', tab, inputN: Math.max(this.#input.durable(tab), firstInputN - 1) });
  }

  detachBrowser(browser: BrowserConnection, code: number): void {
    if (!this.browsers.delete(browser)) return;
    this.#tabEvents.left(browser);
    this.documents.disconnected(browser.tab);
    this.recordOwn('connection.detached', { tab: browser.tab, role: 'participant', code });
  }

  /** Whether the recording took it. */
  eventFromBrowser(browser: BrowserConnection, event: { n: number; type: string; atMs: number; data: unknown }): boolean {
    const { event: recorded, readable } = eventOfPage(browser.tab, event);
    const taken = this.#tabEvents.offer(browser, this.recorder, event.n, recorded);
    if (!readable) {
      const words = `The page sent a ${event.type} that could not be read; it is marked as a gap in the recording.`;
      browser.fail(new AppError('invalid_input', words));
    }
    return taken;
  }

  /** Whether it went on to the sandbox, empty where the clock stands. */
  inputFromBrowser(browser: BrowserConnection, frame: InputFrame): boolean {
    // While the sandbox is away the tab keeps what it typed, and sends it again when it is back.
    if (this.runner === null) return false;
    const refused = this.view.state !== 'running';
    this.runner.sendInput(
      encodeForwardedInput({
        tab: browser.tab,
        terminal: frame.terminal,
        n: frame.n,
        more: refused ? false : frame.more,
        bytes: refused ? new Uint8Array() : frame.bytes,
      }),
    );
    if (refused) browser.fail(new AppError('clock_not_running', 'The clock is not running, so what you typed was not sent.'));
    return true;
  }

  async #screenOf(terminal: number): Promise<RestoredScreen | null> {
    // Instructions and screens stay hidden while the clock has not started, and while it is paused.
    if (this.runner === null || this.view.state !== 'running') return null;
    return this.runner.call('restore', { terminal });
  }

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
      this.runner?.send({ t: 'ack', n });
      const moved = this.#input.committed(n);
      for (const browser of this.browsers) if (moved.has(browser.tab)) this.#sendDurable(browser);
      return;
    }
    if (!source.startsWith('tab:')) return;
    for (const browser of this.browsers.ofTab(source.slice('tab:'.length))) this.#sendDurable(browser);
  }

  /** How far the runner's journal is durable. */
  get runnerMark(): number {
    return this.recorder?.mark(this.#runnerEvents.source) ?? 0;
  }

  setStalled(stalled: boolean): void {
    this.#stalled = stalled;
    this.browsers.broadcast({ t: 'recording', stalled });
  }

  #sendDurable(browser: BrowserConnection): void {
    browser.durable({ events: this.recorder?.mark(`tab:${browser.tab}`) ?? 0, input: this.#input.durable(browser.tab) });
  }

  /** Lets go of sockets and timers when this process stops; the attempt goes on with the next gateway. */
  async close(): Promise<void> {
    this.clock.stop();
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
