import { AppError } from '@plumbline/core';
import { listScores } from '@plumbline/database';
import { encodeForwardedInput, type InputFrame } from '@plumbline/protocol';
import type { AttemptRecorder } from '@plumbline/recording';
import type { BrowserConnection, RestoredScreen } from './browserConnection.ts';
import { eventOfPage } from './incomingEvents.ts';
import type { InputDurability } from './inputDurability.ts';
import type { LiveAttempt } from './liveAttempt.ts';
import { scoreRowFor, scoreScaleFor } from './scoreView.ts';
import { TabEvents } from './tabEvents.ts';

/** The browsers' side of an attempt: how a tab is welcomed, the way of what it sends, and how it hears what of that is durable. */
export class BrowserSide {
  readonly #attempt: LiveAttempt;
  readonly #input: InputDurability;
  readonly #tabEvents = new TabEvents();

  constructor(attempt: LiveAttempt, input: InputDurability) {
    this.#attempt = attempt;
    this.#input = input;
  }

  async attach(browser: BrowserConnection): Promise<void> {
    const attempt = this.#attempt;
    browser.onRestoreWanted((terminal) => this.#screenOf(terminal));
    attempt.browsers.add(browser);
    this.#tellRunner(browser);
    await attempt.showNewMessages();
    const scores = await listScores(attempt.gateway.db, attempt.id);
    // It may have left while the database was asked.
    if (!attempt.browsers.has(browser)) return;
    this.#tabEvents.welcomed(browser, attempt.recorder);
    const eventsDurable = this.#eventsDurable(browser);
    browser.send({
      t: 'welcome',
      version: attempt.gateway.version,
      attemptId: attempt.id,
      title: attempt.view.title,
      clock: attempt.clock.clockView(),
      status: attempt.clock.status(),
      terminals: attempt.terminals,
      scores: scores.map((row) => scoreRowFor(row, attempt.view)),
      scoreScale: scoreScaleFor(attempt.view),
      ...(attempt.scoring.progress === null ? {} : { scoreProgress: attempt.scoring.progress }),
      sandbox: attempt.sandboxReady ? 'attached' : 'away',
      eventsDurable,
      inputDurable: this.#input.durable(browser.tab),
    });
    if (attempt.recordingStalled) browser.send({ t: 'recording', stalled: true });
    if (attempt.outputLimited) browser.send({ t: 'outputLimited' });
    attempt.recordOwn('connection.attached', { tab: browser.tab, role: 'participant' });
    const { firstEventN, firstInputN } = browser;
    if (eventsDurable > 0 || firstEventN > 1 || firstInputN > 1) {
      attempt.recordOwn('connection.resumed', { tab: browser.tab, resentFrom: Math.max(eventsDurable + 1, firstEventN) });
    }
  }

  detach(browser: BrowserConnection, code: number): void {
    const attempt = this.#attempt;
    if (!attempt.browsers.delete(browser)) return;
    this.#tabEvents.left(browser);
    attempt.documents.disconnected(browser.tab);
    attempt.recordOwn('connection.detached', { tab: browser.tab, role: 'participant', code });
  }

  /** An event that a tab saw: whether the recording took it. */
  event(browser: BrowserConnection, event: { n: number; type: string; atMs: number; data: unknown }): boolean {
    const { event: recorded, readable } = eventOfPage(browser.tab, event);
    const taken = this.#tabEvents.offer(browser, this.#attempt.recorder, event.n, recorded);
    if (!readable) {
      const words = `The page sent a ${event.type} that could not be read; it is marked as a gap in the recording.`;
      browser.fail(new AppError('invalid_input', words));
    }
    return taken;
  }

  /** What was typed in a tab: whether it went on to the sandbox, empty where the clock stands. */
  input(browser: BrowserConnection, frame: InputFrame): boolean {
    const { runner, view } = this.#attempt;
    // While the sandbox is away the tab keeps what it typed, and sends it again when it is back.
    if (runner === null) return false;
    const refused = view.state !== 'running';
    runner.sendInput(
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

  /** What is on its way from the tabs was sent to another recorder. */
  recorderOpened(recorder: AttemptRecorder): void {
    this.#tabEvents.recorderOpened(recorder);
  }

  /** Another runner takes what the tabs send. */
  runnerAttached(): void {
    for (const browser of this.#attempt.browsers) {
      browser.sandboxReplaced();
      this.#tellRunner(browser);
    }
  }

  /** Tells a tab how much of what it sent is in the recording. */
  sendDurable(browser: BrowserConnection): void {
    browser.durable({ events: this.#eventsDurable(browser), input: this.#input.durable(browser.tab) });
  }

  #eventsDurable({ tab }: BrowserConnection): number {
    return this.#attempt.recorder?.mark(`tab:${tab}`) ?? 0;
  }

  #tellRunner({ tab, firstInputN }: BrowserConnection): void {
    this.#attempt.runner?.send({ t: 'tab', tab, inputN: Math.max(this.#input.durable(tab), firstInputN - 1) });
  }

  async #screenOf(terminal: number): Promise<RestoredScreen | null> {
    const { runner, view } = this.#attempt;
    // Instructions and screens stay hidden while the clock has not started, and while it is paused.
    if (runner === null || view.state !== 'running') return null;
    return runner.call('restore', { terminal });
  }
}
