import type { Clock, Timer } from '@plumbline/core';
import { decodeRunnerFrame, type EventData, type EventType, encodeRunnerFrame, RUNNER_UNACKNOWLEDGED_MAX_BYTES } from '@plumbline/protocol';
import { Journal, type JournalEntry } from './journal.ts';
import type { ServerTime } from './serverTime.ts';

/**
 * The one door by which anything enters the recording from here: an entry is numbered, journalled and only then sent.
 * What outlives deleted journal files (tab marks, terminals that were open) is folded from the entries themselves.
 */

/** What a power cut of the host costs at most, of what the gateway has not got. */
const SYNC_EVERY_MS = 1_000;
/** How soon a disk that was full is tried again. */
const DISK_RETRY_MS = 500;
const DISK_FULL: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT']);

const LOST_WITH_HOST = 'the host ended before all that happened last was on its disk';

/** Tabs that are remembered; a tab that has not typed since this many others did will not type again. */
const TABS_REMEMBERED = 500;

export interface LogState {
  /** Highest input number journalled from each tab, least recently used first. */
  readonly inputMarks: Readonly<Record<string, number>>;
  /** Terminals that were opened and not closed. */
  readonly openTerminals: readonly number[];
  readonly lastTerminal: number;
  readonly lastAtMs: number;
  /** The commit of the last snapshot, where the next may build on it: none was lost since. Absent in older journals. */
  readonly snapshotBase?: string | null;
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
  const message = JSON.parse(entry.body.toString()) as { type: string; stream: number; atMs: number; data: { commit: string } };
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
    return {
      ...state,
      lastAtMs,
      openTerminals: state.openTerminals.filter((terminal) => terminal !== message.stream),
      lastTerminal: Math.max(state.lastTerminal, message.stream),
    };
  }
  if (message.type === 'snapshot.taken') return { ...state, lastAtMs, snapshotBase: message.data.commit };
  // Which snapshots rest on it is not known here: the next one rests on none.
  if (message.type === 'blob.lost') return { ...state, lastAtMs, snapshotBase: null };
  return { ...state, lastAtMs };
}

function withMark(marks: LogState['inputMarks'], tab: string, n: number): LogState['inputMarks'] {
  const { [tab]: known, ...others } = marks;
  const names = Object.keys(others);
  const kept = names.length < TABS_REMEMBERED ? others : Object.fromEntries(Object.entries(others).slice(1 - TABS_REMEMBERED));
  return { ...kept, [tab]: Math.max(known ?? 0, n) };
}

/** The same entry under another number. */
function withNumber({ kind, body }: JournalEntry, n: number): string | Uint8Array {
  if (kind === 'text') return JSON.stringify({ ...JSON.parse(body.toString()), n });
  const frame = decodeRunnerFrame(body);
  return frame === null ? body : encodeRunnerFrame({ ...frame, n });
}

/** Opens the journal of a state directory with the fold above. */
export function openJournal(dir: string): Journal<LogState> {
  return new Journal({ dir, initialState: EMPTY_LOG_STATE, fold: foldLogState });
}

/** An entry that is not journalled yet. */
interface Unwritten {
  readonly kind: JournalEntry['kind'];
  readonly encode: (n: number) => string | Uint8Array;
  readonly journalled: () => void;
}

export class EventLog {
  readonly #journal: Journal<LogState>;
  readonly #time: ServerTime;
  readonly #clock: Clock;
  #send: (entry: JournalEntry) => void = () => {};
  readonly #roomListeners = new Set<(full: boolean) => void>();
  #onStalled: (stalled: boolean) => void = () => {};
  #full = false;
  /** What happened since the disk was full, in order. Short: nothing is read from a PTY meanwhile, and a tab types so much and no more. */
  #unwritten: Unwritten[] = [];
  #retry: Timer | null = null;
  #forgets = false;
  #sync: Timer | null = null;

  constructor(journal: Journal<LogState>, time: ServerTime, clock: Clock) {
    this.#journal = journal;
    this.#time = time;
    this.#clock = clock;
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

  /** The number of what was recorded last: `lastN` as it will be once the disk takes all of it. */
  get recordedN(): number {
    return this.#journal.lastN + this.#unwritten.length;
  }

  /** Whether nothing more should be read from a PTY: so much is unacknowledged, or the disk is full. */
  get full(): boolean {
    return this.#full;
  }

  /** Whether the disk is full: what happens is kept in memory, and what is typed waits. */
  get stalled(): boolean {
    return this.#retry !== null;
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

  /** Called with true when the disk is full, and with false when everything is journalled again. */
  onStalled(listener: (stalled: boolean) => void): void {
    this.#onStalled = listener;
  }

  acknowledge(n: number): void {
    this.#journal.acknowledge(n);
    // Files that are not needed any more may have been what filled the disk.
    if (this.stalled) this.#write();
    this.#watchRoom();
  }

  /** Has what happened so far leave the disk as soon as it is acknowledged; where the disk is full, once it is not. */
  forgetAcknowledged(): void {
    this.#forgets = true;
    if (!this.stalled) this.#write();
  }

  /**
   * The gateway's answer to a hello: the recording has entries of `source`, which is this log, up to `ackedN`, and terminals up
   * to `lastTerminal`. Both may be beyond what is known here, where the host lost power. Throws what the file system throws.
   */
  attached(source: string, ackedN: number, lastTerminal: number): void {
    const again = this.#journal.continueAfter(ackedN);
    this.#journal.acknowledge(ackedN);
    if (again !== null) {
      // Under its own number: what may be missing has none that anybody knows.
      this.event('connection.gap', 0, { source, from: ackedN + 1, to: ackedN + 1, reason: LOST_WITH_HOST });
      // Terminals that were opened in what was lost ended with the host.
      for (let id = this.#journal.state.lastTerminal + 1; id <= lastTerminal; id++) {
        this.event('terminal.closed', id, { exitCode: null, signal: null });
      }
      for (const entry of again) this.#append(entry.kind, (n) => withNumber(entry, n));
    }
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
    this.#unwritten.push({ kind, encode, journalled });
    // What comes while the disk is full waits behind what came before it.
    if (this.#retry === null) this.#write();
  }

  /** Journals what waits, in order, as far as the disk takes it. */
  #write(): void {
    const wasStalled = this.#retry !== null;
    this.#retry?.cancel();
    this.#retry = null;
    for (let next = this.#unwritten[0]; next !== undefined; next = this.#unwritten[0]) {
      let entry: JournalEntry;
      try {
        entry = this.#journal.append(next.kind, next.encode);
      } catch (error) {
        if (!DISK_FULL.has((error as NodeJS.ErrnoException).code)) {
          this.#unwritten.shift();
          throw error;
        }
        this.#retry = this.#clock.setTimer(DISK_RETRY_MS, () => this.#write());
        break;
      }
      this.#unwritten.shift();
      next.journalled();
      this.#send(entry);
      this.#sync ??= this.#clock.setTimer(SYNC_EVERY_MS, () => this.#syncJournal());
    }
    if (this.#forgets && !this.stalled) this.#turn();
    this.#watchRoom();
    if (this.stalled !== wasStalled) this.#onStalled(this.stalled);
  }

  #turn(): void {
    try {
      this.#journal.turn();
      this.#forgets = false;
    } catch (error) {
      // Tried again with the next entry.
      this.#forgets = DISK_FULL.has((error as NodeJS.ErrnoException).code);
      if (!this.#forgets) throw error;
    }
  }

  #syncJournal(): void {
    const done = () => {
      this.#sync = null;
    };
    // A file that was deleted meanwhile is needed by nobody, and what a broken disk says is said at the next file.
    this.#journal.sync().then(done, done);
  }

  /** Writes no more by itself. */
  close(): void {
    this.#retry?.cancel();
    this.#sync?.cancel();
  }

  #watchRoom(): void {
    const bytes = this.#journal.unacknowledgedBytes;
    const max = this.#full ? RUNNER_UNACKNOWLEDGED_MAX_BYTES / 2 : RUNNER_UNACKNOWLEDGED_MAX_BYTES;
    const full = this.stalled || bytes > max;
    if (full === this.#full) return;
    this.#full = full;
    for (const listener of this.#roomListeners) listener(full);
  }
}
