import type { BrowserEventType, ClockView, EventData, GatewayToBrowser } from '@plumbline/protocol';
import { decodeOutputFrame, PASTE_MAX_BYTES, PROTOCOL_VERSION } from '@plumbline/protocol';
import { browserStorage, onStorageRefused, storageRefused } from '@plumbline/ui/browserStorage';
import type { Ask } from './ask.ts';
import { AttemptSocket, type Welcome } from './attemptSocket.ts';
import { type BrowserTime, browserTime } from './browserTime.ts';
import { ClockDisplay } from './clockDisplay.ts';
import type { FilePlace } from './filePlaces.ts';
import { LeftOutboxes } from './leftOutboxes.ts';
import { indexedOutboxStore } from './outboxStore.ts';
import { watchPage } from './pageLife.ts';
import { withUse } from './resourceHistory.ts';
import { resourceUse, type Sampled } from './resourceUse.ts';
import { FIRST_STATE, type SessionState, typingRefusal } from './sessionState.ts';
import { SessionTerminals } from './sessionTerminals.ts';
import { newSessionView } from './sessionView.ts';
import { SessionWritings } from './sessionWritings.ts';
import { sha256OfText } from './sha256.ts';
import { Signal } from './signal.ts';
import { Store } from './store.ts';
import { claimGoneTab, type TabIdentity, takeTabIdentity } from './tabIdentity.ts';
import { TabOutbox } from './tabOutbox.ts';
import { TerminalInput } from './terminalInput.ts';
import type { TerminalView } from './terminalView.ts';
import { openAttemptSocket, requestTicket } from './ticket.ts';
import { TimeWarnings } from './timeWarnings.ts';
import { UnreadMessages } from './unreadMessages.ts';

/** One tab's part in a running attempt: the link, the terminals, the clock and what they say. */

/** What is typed right after a loss still counts; later the link is away, and typing into it would only deceive. */
const TYPING_GRACE_MS = 2_000;
const KEEPS_NOTHING =
  'This browser’s storage is full or switched off. Go on working: what you type is recorded and saved as before. Only do not reload while the connection is away, as the last words would be lost.';
/** A longer paste stands in the change of the editor alone. In UTF-16 units. */
const PASTE_TEXT_MAX = 64 * 1024;

export class AttemptSession {
  readonly store = new Store<SessionState>(FIRST_STATE);
  readonly clock: ClockDisplay;
  /** A path changed on disk. */
  readonly fileChanged = new Signal<Extract<GatewayToBrowser, { t: 'file' }>>();
  /** Who edits an open file, or what is not saved of it. */
  readonly sealed = new Signal<void>();
  readonly documentChanged = new Signal<Extract<GatewayToBrowser, { t: 'document' }>>();
  /** Something to say once: a toast. */
  readonly notice = new Signal<{ tone: 'info' | 'warning' | 'error'; text: string }>();
  /** A link in a terminal was clicked: it comes from the sandbox, so somebody is asked first. */
  readonly linkClicked = new Signal<string>();
  /** A place in a file that a terminal shows is to be opened. */
  readonly placeClicked = new Signal<FilePlace>();
  readonly tab: string;
  readonly attemptId: string;
  readonly writings: SessionWritings;
  /** Names the files with unsaved text: the editor, once it is there. */
  unsavedFiles: () => string[] = () => [];

  private readonly identity: TabIdentity;
  private readonly time: BrowserTime;
  private readonly socket: AttemptSocket;
  private readonly outbox: TabOutbox;
  private readonly left: LeftOutboxes;
  private readonly input: TerminalInput;
  private readonly terminals: SessionTerminals;
  private readonly warnings: TimeWarnings;
  private readonly cleanups: (() => void)[] = [];
  private lastFocus = '';
  /** The terminal that was used last in this tab. */
  lastTerminal: number | null = null;
  private lastSample: Sampled | null = null;
  /** Since when the sandbox cannot be reached, over the link or behind it; long ago while it never was. */
  private awaySinceMonoMs = Number.NEGATIVE_INFINITY;
  private stopped = false;

  /** Takes the tab's identity and prepares what an earlier page left; `start` connects. */
  static async create(attemptId: string): Promise<AttemptSession> {
    const session = new AttemptSession(attemptId, await takeTabIdentity(attemptId));
    await session.outbox.load();
    return session;
  }

  private constructor(attemptId: string, identity: TabIdentity) {
    this.attemptId = attemptId;
    this.identity = identity;
    this.tab = identity.id;
    this.time = browserTime;
    this.clock = new ClockDisplay(this.time);
    this.writings = new SessionWritings(this.store, this.ask, this.notice, new UnreadMessages(attemptId, browserStorage));
    this.warnings = new TimeWarnings(attemptId, browserStorage);
    this.socket = new AttemptSocket({
      time: this.time,
      getTicket: () => requestTicket(attemptId),
      open: openAttemptSocket,
      hello: () => ({
        t: 'hello',
        protocol: PROTOCOL_VERSION,
        tab: this.tab,
        firstEventN: this.outbox.firstN,
        firstInputN: this.input.firstN,
        monoMs: this.time.monoMs(),
      }),
    });
    this.outbox = new TabOutbox({
      tab: this.tab,
      attemptId,
      time: this.time,
      store: indexedOutboxStore,
      numbers: identity.eventNumbers,
      send: (message) => this.socket.send(message),
    });
    this.left = new LeftOutboxes({
      attemptId,
      time: this.time,
      store: indexedOutboxStore,
      claim: claimGoneTab,
      getTicket: () => requestTicket(attemptId),
      open: openAttemptSocket,
    });
    this.input = new TerminalInput({
      time: this.time,
      numbers: identity.inputNumbers,
      sendBinary: (bytes) => this.socket.sendBinary(bytes),
      bufferedBytes: () => this.socket.bufferedBytes,
    });
    this.terminals = new SessionTerminals({
      newView: newSessionView,
      ask: this.ask,
      send: (message) => this.socket.send(message),
      list: () => this.store.get().terminals,
      canType: () => this.typingRefusal() === null,
      isRunning: () => this.store.get().clock?.state === 'running',
      onInput: (terminal, bytes) => this.type(terminal, bytes),
      onPaste: (target, text, prevent) => this.pasted(target, text, prevent),
      onCopy: (target, text) => this.copied(target, text),
      onLink: (url) => this.linkClicked.emit(url),
      onPlace: (place) => this.placeClicked.emit(place),
      onRefused: (text) => this.notice.emit({ tone: 'error', text }),
    });
    this.listen();
  }

  start(): void {
    this.cleanups.push(onStorageRefused(() => this.notice.emit({ tone: 'warning', text: KEEPS_NOTHING })));
    this.socket.start();
  }

  /** Sends what tabs of this browser that are gone could not send. To be called once their unsaved text is taken over, as they come back for a moment. */
  async sendLeft(): Promise<void> {
    if (!this.stopped) await this.left.send();
  }

  /** Leaves the attempt: it goes on without this tab. */
  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.left.stop();
    this.outbox.close();
    this.socket.stop();
    for (const cleanup of this.cleanups) cleanup();
    this.terminals.dispose();
    this.identity.release();
  }

  /** Asks the gateway or the sandbox. Rejects with `AppError`. */
  readonly ask: Ask = (act, args, timeoutMs) => this.socket.request(act, args, timeoutMs);

  /** Records an event that this tab claims. */
  readonly offer = <T extends BrowserEventType>(type: T, data: EventData<T>): void => {
    this.outbox.offer(type, data);
  };

  /** Why typing is refused now; null where it is taken. */
  typingRefusal(): string | null {
    return typingRefusal(this.store.get(), this.isReached() || this.time.monoMs() - this.awaySinceMonoMs <= TYPING_GRACE_MS);
  }

  /** The screen of a terminal, made at first use and kept until the terminal is gone. */
  terminalView(terminal: number): TerminalView {
    return this.terminals.view(terminal);
  }

  /** What all terminals have put out, as far as this tab was told. */
  get outputBytes(): number {
    return this.terminals.outputBytes;
  }

  /** Opens a terminal of the given size and gives its number. */
  async openTerminal(size = { cols: 80, rows: 24 }, name?: string): Promise<number> {
    return (await this.ask('terminal.open', { ...size, ...(name ? { name } : {}) })).terminal;
  }

  /** A paste into any part of the workspace: recorded, with its hash unless a terminal took it; text that is too large for a terminal is kept out. */
  pasted(target: string, text: string, prevent?: () => void): void {
    if (prevent && new Blob([text]).size > PASTE_MAX_BYTES) {
      prevent();
      this.notice.emit({ tone: 'error', text: 'Not pasted: a paste may have 5 MiB at most. Put the text into a file instead.' });
      return;
    }
    if (prevent && this.typingRefusal() !== null) return;
    // Into a terminal it may be a password, which the runner records as a length alone.
    const hash = target.startsWith('terminal:') ? {} : { hash: sha256OfText(text) };
    const shown = target.startsWith('editor:') && text.length <= PASTE_TEXT_MAX ? { text } : {};
    this.offer('clipboard.paste', { tab: this.tab, target, length: text.length, ...hash, ...shown });
  }

  copied(target: string, text: string): void {
    this.offer('clipboard.copy', { tab: this.tab, target, length: text.length, hash: sha256OfText(text) });
  }

  /** A panel of the workspace took the focus. */
  panelFocused(panel: string): void {
    if (panel === this.lastFocus) return;
    this.lastFocus = panel;
    if (panel.startsWith('terminal:')) this.lastTerminal = Number(panel.slice('terminal:'.length));
    this.offer('focus.panel', { tab: this.tab, panel });
  }

  private type(terminal: number, bytes: Uint8Array): void {
    if (this.typingRefusal() !== null) return this.updateTyping();
    const outcome = this.input.offer(terminal, bytes);
    if (outcome === 'too_large')
      this.notice.emit({ tone: 'error', text: 'Not pasted: a paste may have 5 MiB at most. Put the text into a file instead.' });
    if (outcome === 'full') this.notice.emit({ tone: 'warning', text: this.typingRefusal() ?? 'Too much input waits to be recorded.' });
  }

  private listen(): void {
    const { socket } = this;
    this.cleanups.push(
      socket.state.on((connection) => {
        if (connection.kind !== 'open') {
          this.outbox.onDisconnected();
          this.input.onDisconnected();
        }
        this.reachChanged({ connection });
      }),
      socket.welcome.on((welcome) => this.onWelcome(welcome)),
      socket.message.on((message) => this.onMessage(message)),
      socket.binary.on((data) => {
        const frame = decodeOutputFrame(data);
        if (frame) this.terminals.output(frame);
      }),
      socket.woke.on(() => void this.refreshClock()),
      this.outbox.storeFailed.on(storageRefused),
      this.input.fullChanged.on((inputFull) => {
        this.store.patch({ inputFull });
        this.updateTyping();
      }),
      watchPage({
        focusChanged: ({ visible, focused }) => {
          this.terminals.setSizeOwner(focused && visible);
          this.offer('focus.page', { tab: this.tab, visible, focused });
        },
        onLeaving: () => void this.outbox.storeNow(),
        onBack: () => this.socket.wake(),
        onFocus: () => void this.refreshClock(),
        // Messages may have been looked at in another tab.
        onStorage: () => this.writings.messagesCame([]),
      }),
    );
  }

  private onWelcome(welcome: Welcome): void {
    this.clock.receive(welcome.clock);
    this.reachChanged({ sandbox: welcome.sandbox });
    if ((this.store.get().welcome?.version ?? welcome.version) !== welcome.version) this.store.patch({ upgraded: true });
    this.store.patch({
      welcome: { title: welcome.title, version: welcome.version },
      clock: this.clock.current,
      scoreVisible: welcome.status.scoreVisible,
      recordingStalled: welcome.status.recordingStalled,
      terminals: welcome.terminals,
      scores: welcome.scores,
      scoreScale: welcome.scoreScale,
      scoreProgress: welcome.scoreProgress ?? null,
    });
    this.outbox.onWelcome(welcome.eventsDurable);
    // Input for a sandbox that is away would be dropped on its way: it waits here until the sandbox is back.
    if (welcome.sandbox === 'attached') this.input.onWelcome(welcome.inputDurable);
    this.terminals.attachAll();
    this.updateTyping();
    this.warn(welcome.clock);
    void this.writings.read();
  }

  private onMessage(message: GatewayToBrowser): void {
    switch (message.t) {
      case 'clock':
        this.onClock(message.clock, message.warningMs);
        break;
      case 'sandbox':
        this.reachChanged({ sandbox: message.state });
        if (message.state === 'attached') {
          // What was sent meanwhile found nobody who would record it. Known numbers are dropped at the other end.
          this.outbox.onWelcome(0);
          this.input.onWelcome(0);
          this.terminals.attachAll();
        } else this.input.onDisconnected();
        break;
      case 'terminals':
        this.store.patch({ terminals: message.terminals });
        this.terminals.listed(message.terminals);
        break;
      case 'restore':
        this.terminals.restore(message);
        break;
      case 'score': {
        const scores = this.store.get().scores.filter((row) => row.scoreId !== message.row.scoreId);
        this.store.patch({ scores: [...scores, message.row].sort((a, b) => a.n - b.n) });
        break;
      }
      case 'scoreProgress':
        this.store.patch({ scoreProgress: message.progress });
        break;
      case 'note':
        this.writings.noteCame(message);
        break;
      case 'message':
        this.writings.messagesCame([message]);
        break;
      case 'file':
        this.fileChanged.emit(message);
        break;
      case 'document':
        this.documentChanged.emit(message);
        break;
      case 'resources':
        this.onResources(message);
        break;
      case 'durable':
        this.outbox.onDurable(message.events);
        this.input.onDurable(message.input);
        break;
      case 'recording':
        this.store.patch({ recordingStalled: message.stalled });
        this.updateTyping();
        break;
      case 'outputLimited':
        this.store.patch({ outputLimited: true });
        break;
      case 'sealed':
        return this.sealed.emit();
      case 'error':
        this.notice.emit({ tone: 'error', text: message.error.message });
        break;
    }
  }

  private onClock(clock: ClockView, warningMs: number | undefined): void {
    const before = this.clock.current?.state;
    if (!this.clock.receive(clock)) return;
    this.store.patch({ clock: this.clock.current, ...(clock.state === 'running' ? {} : { resources: null }) });
    this.updateTyping();
    this.warn(clock, warningMs);
    if (before !== 'running' && clock.state === 'running') this.terminals.attachAll();
  }

  private warn(clock: ClockView, dueMs?: number): void {
    const text = this.warnings.take(clock, dueMs, this.unsavedFiles());
    if (text !== null) this.notice.emit({ tone: 'warning', text });
  }

  private onResources(sampled: Sampled): void {
    const before = this.store.get();
    const resources = resourceUse(sampled, this.lastSample, before.resources?.warnings);
    this.lastSample = sampled;
    const resourceHistory = withUse(before.resourceHistory, { atMs: sampled.atMs, use: resources });
    this.store.patch({ resources, resourceHistory });
  }

  /** Whether what is typed now would arrive. */
  private isReached(): boolean {
    const { connection, sandbox } = this.store.get();
    return connection.kind === 'open' && sandbox === 'attached';
  }

  private reachChanged(part: Partial<Pick<SessionState, 'connection' | 'sandbox'>>): void {
    const before = this.isReached();
    this.store.patch(part);
    if (before && !this.isReached()) this.awaySinceMonoMs = this.time.monoMs();
    this.updateTyping();
    if (!this.isReached()) this.time.after(TYPING_GRACE_MS + 50, () => this.updateTyping());
  }

  private updateTyping(): void {
    this.terminals.setTyping(this.typingRefusal() === null);
  }

  private async refreshClock(): Promise<void> {
    if (!this.socket.isOpen) return;
    try {
      this.clock.refresh(await this.ask('status', {}));
      this.store.patch({ clock: this.clock.current });
    } catch {
      // The link is being judged at the same time; its next welcome brings the clock.
    }
  }
}
