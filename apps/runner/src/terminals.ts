import { AppError, type Clock, type Timer } from '@plumbline/core';
import { TERMINAL_PROGRAM_MAX, type TerminalInfo } from '@plumbline/protocol';
import type { HostCommand } from '@plumbline/sandbox';
import { isKeyframeDue, type ScreenText } from '@plumbline/screens';
import type { Logger } from 'pino';
import { CommandLog } from './commandLog.ts';
import type { EventLog } from './eventLog.ts';
import { type InputBlock, InputBlocks, type InputChunk } from './inputBlocks.ts';
import type { OutputAllowance } from './outputAllowance.ts';
import { OutputCoalescer } from './outputCoalescer.ts';
import { PtyProcess } from './ptyProcess.ts';
import { type KeyframeAnswer, Screens } from './screens.ts';

/** The terminals of an attempt: input and output in the order in which they happened, through the event log. */

const TERMINALS_MAX = 32;
/** Closed terminals stay listed, so that a reload shows how they ended; only so many. */
const CLOSED_LISTED_MAX = 32;
/** One that came at a bad moment, inside a control sequence or behind the output, is asked for again after this. */
const KEYFRAME_ASK_EVERY_MS = 500;
/** Where one has been due for so long, reading waits until the screen is level with what is recorded: in a flood it never is by itself. */
const KEYFRAME_OVERDUE_MS = 2_000;
/** Output that the screen thread has not parsed: beyond the first, reading pauses, until it is below the second. */
const UNPARSED_MAX_BYTES = 4 * 1024 * 1024;
const UNPARSED_LOW_BYTES = 1024 * 1024;
/** What ends sooner is over before its name was read. */
const PROGRAM_AFTER_MS = 500;
/** A sandbox has no start-up files of its own; theirs would come after this. */
const PROMPT = '\\w\\$ ';

interface OpenTerminal {
  readonly id: number;
  readonly pty: PtyProcess;
  readonly output: OutputCoalescer;
  readonly commands: CommandLog;
  /** Tells of the program that runs, if it still does. */
  naming: Timer | null;
  info: TerminalInfo;
  /** Bytes recorded. */
  offset: number;
  parsed: number;
  screenBusy: boolean;
  keyframeOffset: number;
  keyframeAtMs: number;
  /** What all terminals had put out at the last keyframe. */
  keyframePutOut: number;
  keyframeAskedMs: number;
  /** Since when the next one is due; null while it is not. */
  keyframeDueMs: number | null;
  /** Reading waits for it. */
  keyframeHolds: boolean;
}

export interface TerminalsOptions {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The host command that runs a shell on a terminal of the participant's view. */
  readonly shellCommand: (env: Record<string, string>) => HostCommand;
  readonly onListChanged: (terminals: TerminalInfo[]) => void;
  readonly allowance: OutputAllowance;
  /** The highest number of a terminal that this runner’s folder knows nothing of. */
  readonly lastTerminal?: number;
}

export class Terminals {
  readonly #options: TerminalsOptions;
  readonly #open = new Map<number, OpenTerminal>();
  readonly #closed: TerminalInfo[] = [];
  readonly #blocks: InputBlocks;
  readonly #screens: Screens;
  #nextId: number;
  /** Bytes of all terminals. */
  #putOut = 0;
  #disposed = false;
  readonly #allClosed: (() => void)[] = [];

  constructor(options: TerminalsOptions) {
    this.#options = options;
    const { log, logger } = options;
    this.#blocks = new InputBlocks(log.state.inputMarks);
    this.#nextId = Math.max(log.state.lastTerminal, options.lastTerminal ?? 0) + 1;
    // Terminals of an earlier life of this runner ended with it.
    for (const id of log.state.openTerminals) log.event('terminal.closed', id, { exitCode: null, signal: null });
    this.#screens = new Screens({
      logger,
      onReply: (id, bytes) => this.#open.get(id)?.pty.write(bytes),
      onParsed: (id, offset) => this.#parsed(id, offset),
      onKeyframe: (id, screen) => this.#keyframe(id, screen),
      onFailed: (error) => {
        throw error;
      },
    });
    log.onRoom(() => this.#steerAll());
    options.allowance.onChanged(() => this.#steerAll());
  }

  list(): TerminalInfo[] {
    return [...this.#closed, ...[...this.#open.values()].map(({ info }) => info)].sort((a, b) => a.terminal - b.terminal);
  }

  /** Starts a login shell. Rejects what is over the limit, and shells that cannot be started. */
  open(cols: number, rows: number, name?: string): number {
    if (this.#open.size >= TERMINALS_MAX) {
      throw new AppError('conflict', `An attempt has at most ${TERMINALS_MAX} terminals. Close one first.`);
    }
    const { clock, log } = this.#options;
    // The log may have learnt only now of terminals that an earlier life opened.
    const id = Math.max(this.#nextId, log.state.lastTerminal + 1);
    const commands = new CommandLog(id, log, clock, (text) => this.#runs(id, text));
    const command = this.#options.shellCommand({
      TERM: 'xterm-256color',
      COLORTERM: 'truecolor',
      PS1: PROMPT,
      PLUMBLINE_SHELL_NONCE: commands.nonce,
    });
    const output = new OutputCoalescer(clock, (bytes) => this.#record(id, bytes));
    const early: Buffer[] = [];
    let started: OpenTerminal | null = null;
    let pty: PtyProcess;
    try {
      pty = new PtyProcess({
        command,
        cols,
        rows,
        clock,
        onData: (bytes) => (started === null ? early.push(bytes) : output.push(bytes)),
        onEnd: ({ exitCode, signal }) => this.#ended(id, exitCode, signal),
      });
    } catch (error) {
      throw new AppError('sandbox_unavailable', 'The shell could not be started. Try again; tell the staff if it stays so.', {
        cause: error,
      });
    }
    this.#nextId = id + 1;
    const info: TerminalInfo = { terminal: id, name: name ?? `Terminal ${id}`, cols, rows, open: true, exitCode: null };
    started = {
      id,
      pty,
      output,
      commands,
      naming: null,
      info,
      offset: 0,
      parsed: 0,
      screenBusy: false,
      keyframeOffset: 0,
      keyframeAtMs: clock.monoMs(),
      keyframePutOut: this.#putOut,
      keyframeAskedMs: 0,
      keyframeDueMs: null,
      keyframeHolds: false,
    };
    this.#open.set(id, started);
    this.#screens.open(id, cols, rows);
    log.event('terminal.opened', id, { cols, rows, term: 'xterm-256color', shell: '/bin/bash', ...(name === undefined ? {} : { name }) });
    for (const bytes of early) output.push(bytes);
    this.#steer(started);
    this.#listChanged();
    return id;
  }

  /** Takes a chunk of input. Repeated ones are dropped; what no terminal can take still counts for the tab's mark. */
  input(chunk: InputChunk): void {
    const block = this.#blocks.take(chunk);
    if (block === null) return;
    const terminal = this.#open.get(block.terminal);
    if (terminal === undefined || block.broken) {
      this.#options.log.input({ ...block, inputN: block.n, hidden: true, bytes: new Uint8Array(0) });
      return;
    }
    this.#type(terminal, block);
  }

  /** The gateway says that a tab's input up to this number needs no runner any more. */
  settleInput(tab: string, n: number): void {
    this.#blocks.settle(tab, n);
  }

  /** The link broke; blocks of which only a part came will come again. */
  linkLost(): void {
    this.#blocks.forgetPartial();
  }

  resize(id: number, cols: number, rows: number): void {
    const terminal = this.#known(id);
    if (terminal.info.cols === cols && terminal.info.rows === rows) return;
    terminal.output.flush();
    terminal.pty.resize(cols, rows);
    terminal.info = { ...terminal.info, cols, rows };
    this.#screens.resize(id, cols, rows);
    this.#options.log.event('terminal.resized', id, { cols, rows });
    this.#listChanged();
  }

  /** Gives the terminal another name; its tab shows it to everyone. */
  rename(id: number, name: string): void {
    const terminal = this.#known(id);
    if (terminal.info.name === name) return;
    terminal.output.flush();
    terminal.info = { ...terminal.info, name };
    this.#options.log.event('terminal.renamed', id, { name });
    this.#listChanged();
  }

  /** The open terminals by the names of their devices. */
  async devices(): Promise<Map<string, number>> {
    const devices = await Promise.all([...this.#open.values()].map(async ({ id, pty }) => ({ id, device: await pty.device() })));
    return new Map(devices.flatMap(({ id, device }) => (device === null ? [] : [[device, id] as const])));
  }

  /** Ends the terminal's shell. Closing a closed one changes nothing. */
  close(id: number): void {
    this.#open.get(id)?.pty.dispose();
  }

  /** The screen with its scrollback, for somebody who attaches. */
  async restore(id: number): Promise<ScreenText> {
    const terminal = this.#known(id);
    terminal.output.flush();
    const screen = await this.#screens.restore(id);
    if (screen === null) throw new AppError('not_found', 'This terminal has been closed.');
    return screen;
  }

  /**
   * Forgets what has scrolled off the screens; keyframes and restores have nothing of it once this resolves. What was put out before may
   * be withheld from now on, so each terminal's next keyframe comes as soon as one may.
   */
  async dropScrollback(): Promise<void> {
    for (const { output } of this.#open.values()) output.flush();
    await Promise.all([...this.#open.keys()].map((id) => this.#screens.dropScrollback(id)));
    for (const terminal of this.#open.values()) terminal.keyframePutOut = Number.NEGATIVE_INFINITY;
  }

  /** Ends all shells and resolves when the last one has been recorded as closed. */
  async closeAll(): Promise<void> {
    for (const { pty } of this.#open.values()) pty.dispose();
    if (this.#open.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#allClosed.push(resolve);
    });
  }

  /** Closes everything and the helpers. Idempotent. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.closeAll();
    await this.#screens.dispose();
  }

  #type(terminal: OpenTerminal, block: InputBlock): void {
    // Where the state cannot be known, the program has ended, and nobody saw what was typed.
    const echo = terminal.pty.echo ?? 'hidden';
    // This also records what the program put out before this input, so that it stands before it.
    terminal.output.expectEcho();
    const { log, logger } = this.#options;
    log.input({ ...block, inputN: block.n, hidden: echo === 'hidden' }, () => {
      if (terminal.pty.write(block.bytes) || !this.#open.has(terminal.id)) return;
      logger.warn({ terminal: terminal.id, bytes: block.bytes.length }, 'input was dropped: the program leaves too much unread');
    });
  }

  #record(id: number, bytes: Uint8Array): void {
    const terminal = this.#open.get(id);
    if (terminal === undefined) return;
    this.#options.log.output(id, terminal.offset, bytes);
    terminal.offset += bytes.length;
    this.#putOut += bytes.length;
    this.#options.allowance.took(bytes.length);
    terminal.commands.output(bytes);
    this.#screens.write(id, bytes);
    this.#steer(terminal);
  }

  /** Pauses or resumes reading, by what is neither acknowledged nor parsed, and what may be read at all. */
  #steer(terminal: OpenTerminal): void {
    const unparsed = terminal.offset - terminal.parsed;
    if (unparsed > UNPARSED_MAX_BYTES) terminal.screenBusy = true;
    else if (unparsed < UNPARSED_LOW_BYTES) terminal.screenBusy = false;
    if (this.#options.log.full || terminal.screenBusy || terminal.keyframeHolds || this.#options.allowance.spent) terminal.pty.pause();
    else terminal.pty.resume();
  }

  #steerAll(): void {
    for (const terminal of this.#open.values()) this.#steer(terminal);
  }

  #parsed(id: number, offset: number): void {
    const terminal = this.#open.get(id);
    if (terminal === undefined) return;
    terminal.parsed = offset;
    if (terminal.screenBusy) this.#steer(terminal);
    const nowMs = this.#options.clock.monoMs();
    if (!this.#isKeyframeDue(terminal) || nowMs - terminal.keyframeAskedMs < KEYFRAME_ASK_EVERY_MS) return;
    if (offset === terminal.keyframeOffset || this.#options.log.full) return;
    terminal.keyframeAskedMs = nowMs;
    terminal.keyframeDueMs ??= nowMs;
    if (nowMs - terminal.keyframeDueMs >= KEYFRAME_OVERDUE_MS) {
      terminal.keyframeHolds = true;
      this.#steer(terminal);
      terminal.output.flush();
    }
    this.#screens.requestKeyframe(id);
  }

  #isKeyframeDue({ keyframeAtMs, keyframePutOut }: OpenTerminal): boolean {
    return isKeyframeDue({ ageMs: this.#options.clock.monoMs() - keyframeAtMs, outputBytes: this.#putOut - keyframePutOut });
  }

  #keyframe(id: number, answer: KeyframeAnswer): void {
    const terminal = this.#open.get(id);
    if (terminal === undefined) return;
    const lags = answer !== null && answer !== 'unfinished' && answer.offset !== terminal.offset;
    // What had been read when reading began to wait.
    if (lags && terminal.keyframeHolds && !this.#options.log.full) {
      this.#screens.requestKeyframe(id);
      return;
    }
    if (!lags) this.#take(terminal, answer);
    terminal.keyframeHolds = false;
    this.#steer(terminal);
  }

  /** A keyframe's place in the log is right behind the output that it includes: a replay that begins with it goes on with what follows. */
  #take(terminal: OpenTerminal, answer: KeyframeAnswer): void {
    const { id, info } = terminal;
    // Not due: the answer to a question that was asked again before it came.
    if (answer === 'unfinished' || terminal.keyframeDueMs === null || this.#options.log.full) return;
    // One of the size before would stand behind the event of the new one, and a replay that begins with it would never hear of that.
    if (answer !== null && (answer.cols !== info.cols || answer.rows !== info.rows)) return;
    terminal.keyframeAtMs = this.#options.clock.monoMs();
    terminal.keyframePutOut = this.#putOut;
    terminal.keyframeDueMs = null;
    // A replay goes on from the one before. To draw a screen that large takes its time, so the next one waits its turn.
    if (answer === null) return;
    terminal.keyframeOffset = answer.offset;
    this.#options.log.event('terminal.keyframe', id, answer);
    // A few bytes of output can colour a whole screen, and fill the platform's disks with keyframes of it.
    this.#options.allowance.took(Buffer.byteLength(answer.screen));
  }

  #ended(id: number, exitCode: number | null, signal: number | null): void {
    const terminal = this.#open.get(id);
    if (terminal === undefined) return;
    terminal.output.flush();
    terminal.commands.closed();
    terminal.naming?.cancel();
    this.#open.delete(id);
    this.#screens.close(id);
    this.#options.log.event('terminal.closed', id, { exitCode, signal });
    this.#closed.push({ ...terminal.info, open: false, exitCode });
    if (this.#closed.length > CLOSED_LISTED_MAX) this.#closed.shift();
    this.#listChanged();
    if (this.#open.size === 0) for (const resolve of this.#allClosed.splice(0)) resolve();
  }

  /** Its tab names what runs in it for a while; what comes and goes would only flicker there. */
  #runs(id: number, text: string | null): void {
    const terminal = this.#open.get(id);
    if (terminal === undefined) return;
    terminal.naming?.cancel();
    terminal.naming = null;
    if (text !== null) {
      terminal.naming = this.#options.clock.setTimer(PROGRAM_AFTER_MS, () => {
        terminal.info = { ...terminal.info, program: text.slice(0, TERMINAL_PROGRAM_MAX) };
        this.#listChanged();
      });
    } else if (terminal.info.program !== undefined) {
      const { program: _, ...info } = terminal.info;
      terminal.info = info;
      this.#listChanged();
    }
  }

  #known(id: number): OpenTerminal {
    const terminal = this.#open.get(id);
    if (terminal === undefined) throw new AppError('not_found', 'This terminal has been closed.');
    return terminal;
  }

  #listChanged(): void {
    this.#options.onListChanged(this.list());
  }
}
