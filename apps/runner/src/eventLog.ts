import { decodeRunnerFrame, type EventData, type EventType, encodeRunnerFrame, RUNNER_UNACKNOWLEDGED_MAX_BYTES } from '@plumbline/protocol';
import { Journal, type JournalEntry } from './journal.ts';
import type { ServerTime } from './serverTime.ts';

/**
 * The one door by which anything enters the recording from here: an entry is numbered, journalled and only then sent.
 * What outlives deleted journal files (tab marks, terminals that were open) is folded from the entries themselves.
 */

/** Tabs that are remembered; a tab that has not typed since this many others did will not type again. */
const TABS_REMEMBERED = 500;

export interface LogState {
  /** Highest input number journalled from each tab, least recently used first. */
  readonly inputMarks: Readonly<Record<string, number>>;
  /** Terminals that were opened and not closed. */
  readonly openTerminals: readonly number[];
  readonly lastTerminal: number;
  readonly lastAtMs: number;
}

export const EMPTY_LOG_STATE: LogState = { inputMarks: {}, openTerminals: [], lastTerminal: 0, lastAtMs: 0 };

/** Folds a journalled entry into the state that outlives it. */
export function foldLogState(state: LogState, entry: JournalEntry): LogState {
  if (entry.kind === 'binary') {
    const frame = decodeRunnerFrame(entry.body);
    if (frame === null) return state;
    const lastAtMs = Math.max(state.lastAtMs, frame.atMs);
    if (frame.kind === 'output') return { ...state, lastAtMs };
    return { ...state, lastAtMs, inputMarks: withMark(state.inputMarks, frame.tab, frame.inputN) };
  }
  const message = JSON.parse(entry.body.toString()) as { type: string; stream: number; atMs: number };
  const lastAtMs = Math.max(state.lastAtMs, message.atMs);
  if (message.type === 'terminal.opened') {
    return {
      ...state,
      lastAtMs,
      openTerminals: [...state.openTerminals, message.stream],
      lastTerminal: Math.max(state.lastTerminal, message.stream),
    };
  }
  if (message.type === 'terminal.closed') {
    return { ...state, lastAtMs, openTerminals: state.openTerminals.filter((terminal) => terminal !== message.stream) };
  }
  return { ...state, lastAtMs };
}

function withMark(marks: LogState['inputMarks'], tab: string, n: number): LogState['inputMarks'] {
  const { [tab]: known, ...others } = marks;
  const names = Object.keys(others);
  const kept = names.length < TABS_REMEMBERED ? others : Object.fromEntries(Object.entries(others).slice(1 - TABS_REMEMBERED));
  return { ...kept, [tab]: Math.max(known ?? 0, n) };
}

/** Opens the journal of a state directory with the fold above. */
export function openJournal(dir: string): Journal<LogState> {
  return new Journal({ dir, initialState: EMPTY_LOG_STATE, fold: foldLogState });
}

export class EventLog {
  readonly #journal: Journal<LogState>;
  readonly #time: ServerTime;
  #send: (entry: JournalEntry) => void = () => {};
  readonly #roomListeners = new Set<(full: boolean) => void>();
  #full = false;

  constructor(journal: Journal<LogState>, time: ServerTime) {
    this.#journal = journal;
    this.#time = time;
    this.#full = journal.unacknowledgedBytes > RUNNER_UNACKNOWLEDGED_MAX_BYTES;
  }

  get state(): LogState {
    return this.#journal.state;
  }

  get firstN(): number {
    return this.#journal.firstN;
  }

  get lastN(): number {
    return this.#journal.lastN;
  }

  /** Whether so much is unacknowledged that nothing more should be read from a PTY. */
  get full(): boolean {
    return this.#full;
  }

  /** Where new entries go while the gateway is attached. */
  deliverTo(send: (entry: JournalEntry) => void): void {
    this.#send = send;
  }

  entriesAfter(n: number): Iterable<JournalEntry> {
    return this.#journal.entriesAfter(n);
  }

  /** Called with true when the log fills up, and with false when half of the room is free again. */
  onRoom(listener: (full: boolean) => void): void {
    this.#roomListeners.add(listener);
  }

  acknowledge(n: number): void {
    this.#journal.acknowledge(n);
    this.#watchRoom();
  }

  /** Records an event that carries no terminal bytes; `stream` is the terminal's number on its channel, else 0. */
  event<T extends Exclude<EventType, 'terminal.output' | 'terminal.input'>>(type: T, stream: number, data: EventData<T>): void {
    const atMs = this.#time.nowMs();
    this.#append('text', (n) => JSON.stringify({ t: 'event', n, atMs, type, stream, data }));
  }

  output(terminal: number, offset: number, bytes: Uint8Array): void {
    const atMs = this.#time.nowMs();
    this.#append('binary', (n) => encodeRunnerFrame({ kind: 'output', n, atMs, terminal, offset, bytes }));
  }

  /** Records a block of input, and has it typed once it is journalled: a key need not wait for the wire. A hidden one keeps its length alone. */
  input(
    input: { terminal: number; tab: string; inputN: number; hidden: boolean; paste: boolean; bytes: Uint8Array },
    type: () => void = () => {},
  ): void {
    const atMs = this.#time.nowMs();
    const bytes = input.hidden ? new Uint8Array(0) : input.bytes;
    this.#append('binary', (n) => encodeRunnerFrame({ ...input, kind: 'input', n, atMs, length: input.bytes.length, bytes }), type);
  }

  #append(kind: JournalEntry['kind'], encode: (n: number) => string | Uint8Array, journalled: () => void = () => {}): void {
    const entry = this.#journal.append(kind, encode);
    journalled();
    this.#send(entry);
    this.#watchRoom();
  }

  #watchRoom(): void {
    const bytes = this.#journal.unacknowledgedBytes;
    const full = this.#full ? bytes > RUNNER_UNACKNOWLEDGED_MAX_BYTES / 2 : bytes > RUNNER_UNACKNOWLEDGED_MAX_BYTES;
    if (full === this.#full) return;
    this.#full = full;
    for (const listener of this.#roomListeners) listener(full);
  }
}
