import type { RecordedEvent } from '@plumbline/protocol';
import { isActivity } from '@plumbline/recording/activityCount';
import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import type { ScreenStep } from '@plumbline/screens';
import { Signal } from '../../workspace/model/signal.ts';
import { Store } from '../../workspace/model/store.ts';
import { applyEditorEvent, documentKey, type EditorDocument, type EditorState, NO_EDITORS } from './editorText.ts';
import { EventWindows, WINDOW_MS } from './eventWindows.ts';
import { editorsOf, terminalsOf } from './moment.ts';
import type { MomentAnswer } from './recordingApi.ts';
import type { ReplaySource } from './replaySource.ts';
import { applyTerminalEvent, emptyTerminal, type TerminalState } from './terminalState.ts';

/**
 * The replay's one model: a position in time and what was on the screen then. Whatever way the position was reached, by
 * playing or by any jumps, what it shows is the same: all events with a time at or before it, by time and then by order.
 */

export const SPEEDS = [0.5, 1, 2, 4, 8, 16, 32, 64] as const;
export type Speed = (typeof SPEEDS)[number];

export interface PlayerState {
  positionMs: number;
  playing: boolean;
  speed: Speed;
  skipIdle: boolean;
  /** True while the play head waits for events, or a jump is being made. */
  waiting: boolean;
  /** Of a running attempt: the position stays at its end as it grows. */
  following: boolean;
  error: string | null;
  /** What the recording has; another one each time it grows. */
  index: RecordingIndex;
  terminals: ReadonlyMap<number, TerminalState>;
  editors: EditorState;
}

/** What those who draw a terminal must do: start over from the state, or take one step. */
export type TerminalNews = { terminal: number; step: ScreenStep | 'redraw' };

/** A quiet stretch this long is skipped on request; the replay goes on this much before the next event. */
const IDLE_FROM_MS = 3_000;
const IDLE_LEAD_MS = 500;
/** A page that was hidden does not make the replay jump. */
const LONGEST_TICK_MS = 250;
/** Nobody takes in more than a dozen screens a second: at great speed what lies between is drawn in one go. */
const FAST_FROM: Speed = 16;
const FAST_STEP_MS = 80;
/** The next stretches are asked for this much real time ahead. */
const AHEAD_REAL_MS = 4_000;

export class Player {
  readonly store: Store<PlayerState>;
  readonly terminalNews = new Signal<TerminalNews>();
  private readonly source: ReplaySource;
  private readonly windows: EventWindows;
  private seeks = 0;
  /** Where the latest jump went: on its way there, what comes may be older than what it will draw. */
  private jumpedToMs = Number.NEGATIVE_INFINITY;
  private lastTickMs: number | null = null;
  /** Growths that brought something older than what was drawn, and how many of them what is drawn has in it. */
  private lateGrowths = 0;
  private drawnGrowths = 0;

  constructor(source: ReplaySource, index: RecordingIndex) {
    this.source = source;
    this.windows = new EventWindows(source, index, () => this.store.get().positionMs);
    this.store = new Store<PlayerState>({
      positionMs: index.fromMs - 1,
      playing: false,
      speed: 1,
      skipIdle: true,
      waiting: false,
      following: false,
      error: null,
      index,
      terminals: new Map(),
      editors: NO_EDITORS,
    });
  }

  /** What is drawn lacks an event that came late: it must be read anew, and cannot be gone on from. */
  private get outdated(): boolean {
    return this.drawnGrowths < this.lateGrowths;
  }

  get index(): RecordingIndex {
    return this.store.get().index;
  }

  /** The recording has grown by these events. */
  extend(index: RecordingIndex, events: readonly RecordedEvent[]): void {
    this.windows.extend(index, events);
    const { following, positionMs, waiting } = this.store.get();
    this.store.patch({ index });
    const drawnUntilMs = waiting ? Math.max(positionMs, this.jumpedToMs) : positionMs;
    if (events.some((event) => event.atMs <= drawnUntilMs && isDrawn(event))) this.lateGrowths += 1;
    if (!following || waiting) return;
    if (this.outdated || this.firstMissing(positionMs, index.toMs) !== null) void this.follow();
    else this.applyUntil(index.toMs);
  }

  /** Begins at a moment that is here already. */
  begin(atMs: number, moment: MomentAnswer, { following }: { following: boolean }): void {
    this.store.patch({ following });
    this.show(atMs, moment);
  }

  /** Goes to the end of a running attempt, and stays there. */
  async follow(): Promise<void> {
    this.store.patch({ playing: false });
    await this.jump(this.index.toMs, true);
  }

  /** At the end of a running attempt, follows it; at the end of a finished one, plays it again from its beginning. */
  play(): void {
    this.lastTickMs = null;
    const isAtEnd = this.store.get().positionMs >= this.index.toMs;
    if (isAtEnd && this.index.live) {
      void this.follow();
      return;
    }
    this.store.patch({ playing: true, following: false, error: null });
    if (isAtEnd) void this.seek(this.index.fromMs);
  }

  /** Stops what moves, or plays. */
  toggle(): void {
    const { playing, following } = this.store.get();
    if (playing || following) this.pause();
    else this.play();
  }

  pause(): void {
    this.store.patch({ playing: false, following: false });
  }

  setSpeed(speed: Speed): void {
    this.store.patch({ speed });
  }

  setSkipIdle(skipIdle: boolean): void {
    this.store.patch({ skipIdle });
  }

  /** The document that was touched last at the position; null where none was, or it is closed. */
  activeDocument(): EditorDocument | null {
    const { positionMs, editors } = this.store.get();
    const touched = this.index.editorActive.findLast((entry) => entry.atMs <= positionMs);
    if (!touched) return null;
    return editors.documents.get(documentKey(touched.tab, touched.path)) ?? [...editors.documents.values()].at(-1) ?? null;
  }

  /**
   * Moves on by the real time since the last tick, as far as events are here. `nowMs` is any monotonic clock; called for
   * each frame that is drawn.
   */
  tick(nowMs: number): void {
    const { playing, waiting, speed, positionMs, skipIdle } = this.store.get();
    if (this.lastTickMs !== null && speed >= FAST_FROM && nowMs - this.lastTickMs < FAST_STEP_MS) return;
    const sinceMs = this.lastTickMs === null ? 0 : Math.min(LONGEST_TICK_MS, Math.max(0, nowMs - this.lastTickMs));
    this.lastTickMs = nowMs;
    if (!playing || waiting) return;
    let target = Math.min(this.index.toMs, positionMs + sinceMs * speed);
    if (skipIdle) {
      const next = this.nextActivityMs(target);
      if (next === null) target = this.index.toMs;
      else if (next - target > IDLE_FROM_MS) target = next - IDLE_LEAD_MS;
    }
    const missing = this.firstMissing(positionMs, target);
    if (missing !== null) {
      this.waitFor(missing);
      target = Math.max(positionMs, Math.min(target, this.windows.startOf(missing) - 1));
    }
    this.applyUntil(target);
    this.loadAhead(target, speed);
    if (target >= this.index.toMs) this.store.patch({ playing: false, following: this.index.live });
  }

  /** Jumps. Of several jumps at once the last one counts. */
  async seek(toMs: number): Promise<void> {
    await this.jump(toMs, false);
  }

  private async jump(toMs: number, following: boolean): Promise<void> {
    this.store.patch({ following });
    const target = Math.min(this.index.toMs, Math.max(this.index.fromMs, toMs));
    this.seeks += 1;
    const seek = this.seeks;
    const { positionMs } = this.store.get();
    const near =
      !this.outdated &&
      target >= positionMs &&
      target - positionMs < WINDOW_MS &&
      positionMs >= this.index.fromMs &&
      this.firstMissing(positionMs, target) === null;
    if (near) {
      this.applyUntil(target);
      this.store.patch({ waiting: false, error: null });
      return;
    }
    this.store.patch({ waiting: true, error: null });
    const growths = this.lateGrowths;
    this.jumpedToMs = target;
    try {
      const moment = await this.source.moment(target);
      if (seek !== this.seeks) return;
      this.lastTickMs = null;
      this.drawnGrowths = growths;
      this.show(target, moment);
      // Who looks for a place jumps again and again: what follows is read once it is wanted.
      if (this.store.get().playing) this.loadAhead(target, this.store.get().speed);
      // What came while this was read is caught up with.
      if (this.store.get().following && (this.outdated || this.index.toMs > target)) await this.jump(this.index.toMs, true);
    } catch (error) {
      if (seek !== this.seeks) return;
      this.store.patch({
        waiting: false,
        playing: false,
        error: error instanceof Error ? error.message : 'The recording could not be read.',
      });
    }
  }

  private show(atMs: number, moment: MomentAnswer): void {
    const terminals = terminalsOf(moment);
    this.store.patch({ positionMs: atMs, waiting: false, terminals, editors: editorsOf(moment) });
    for (const terminal of terminals.keys()) this.terminalNews.emit({ terminal, step: 'redraw' });
  }

  /** To the next event that shows, or the one before. Stays where it is at either end. */
  async step(direction: 1 | -1): Promise<void> {
    this.pause();
    const { positionMs } = this.store.get();
    try {
      const target = direction === 1 ? await this.eventAfter(positionMs) : await this.eventBefore(positionMs);
      if (target !== null) await this.seek(target);
    } catch (error) {
      this.store.patch({ error: error instanceof Error ? error.message : 'The recording could not be read.' });
    }
  }

  private async eventAfter(atMs: number): Promise<number | null> {
    for (let window = this.windows.numberAt(Math.max(atMs, this.index.fromMs)); window <= this.windows.last; window += 1) {
      const found = (await this.windows.load(window)).find((event) => event.atMs > atMs && isActivity(event.type));
      if (found) return found.atMs;
    }
    return null;
  }

  private async eventBefore(atMs: number): Promise<number | null> {
    for (let window = this.windows.numberAt(atMs); window >= 0; window -= 1) {
      const found = (await this.windows.load(window)).findLast((event) => event.atMs < atMs && isActivity(event.type));
      if (found) return found.atMs;
    }
    return null;
  }

  /** When something shows again after a time; a lower bound where the events are not here yet. Null: nothing more. */
  private nextActivityMs(afterMs: number): number | null {
    const { bucketMs, counts } = this.index.activity;
    for (let window = this.windows.numberAt(afterMs); window <= this.windows.last; window += 1) {
      const events = this.windows.peek(window);
      if (events) {
        const found = events.find((event) => event.atMs > afterMs && isActivity(event.type));
        if (found) return found.atMs;
        continue;
      }
      const first = Math.floor((window * WINDOW_MS) / bucketMs);
      const bucket = counts.findIndex((count, index) => index >= first && count > 0);
      return bucket === -1 ? null : Math.max(afterMs, this.index.fromMs + bucket * bucketMs);
    }
    return null;
  }

  private firstMissing(fromMs: number, toMs: number): number | null {
    for (let window = Math.max(0, this.windows.numberAt(fromMs)); window <= this.windows.numberAt(toMs); window += 1) {
      if (this.windows.peek(window) === undefined) return window;
    }
    return null;
  }

  private waitFor(window: number): void {
    const seek = this.seeks;
    this.store.patch({ waiting: true });
    this.windows.load(window).then(
      () => {
        this.lastTickMs = null;
        if (seek === this.seeks) this.store.patch({ waiting: false });
      },
      (error: unknown) => {
        if (seek === this.seeks)
          this.store.patch({
            waiting: false,
            playing: false,
            error: error instanceof Error ? error.message : 'The recording could not be read.',
          });
      },
    );
  }

  private loadAhead(fromMs: number, speed: number): void {
    const until = Math.min(this.windows.last, this.windows.numberAt(fromMs + AHEAD_REAL_MS * speed) + 1);
    const head = Math.max(0, this.windows.numberAt(fromMs));
    for (let window = head; window <= until; window += 1) {
      if (this.windows.peek(window) !== undefined) continue;
      if (window > head + 1 && !this.windows.hasRoomAhead) return;
      // Its failure shows when the play head gets there and asks again.
      void this.windows.load(window).catch(() => {});
    }
  }

  /** Applies what lies between the position and the target; all of it must be here. */
  private applyUntil(targetMs: number): void {
    const { positionMs, terminals: terminalsBefore, editors: editorsBefore } = this.store.get();
    let terminals = terminalsBefore;
    let editors = editorsBefore;
    const news: TerminalNews[] = [];
    for (let window = Math.max(0, this.windows.numberAt(positionMs)); window <= this.windows.numberAt(targetMs); window += 1) {
      for (const event of this.windows.peek(window) ?? []) {
        if (event.atMs <= positionMs || event.atMs > targetMs) continue;
        if (event.type.startsWith('terminal.')) {
          const [next, made] = applyToTerminals(terminals, event);
          terminals = next;
          if (made) news.push(made);
        } else editors = applyEditorEvent(editors, event.type, event.data);
      }
    }
    this.store.patch({ positionMs: targetMs, terminals, editors });
    for (const item of news) this.terminalNews.emit(item);
  }
}

const isDrawn = ({ type }: RecordedEvent) => type.startsWith('terminal.') || type.startsWith('editor.');

function applyToTerminals(
  terminals: ReadonlyMap<number, TerminalState>,
  event: RecordedEvent,
): [ReadonlyMap<number, TerminalState>, TerminalNews | null] {
  const terminal = event.stream;
  if (event.type === 'terminal.opened') {
    const next = new Map(terminals).set(terminal, emptyTerminal(terminal, event.data.cols, event.data.rows));
    return [next, { terminal, step: 'redraw' }];
  }
  const known = terminals.get(terminal);
  if (!known) return [terminals, null];
  if (event.type === 'terminal.closed') {
    const next = new Map(terminals);
    next.delete(terminal);
    return [next, null];
  }
  const { state, step } = applyTerminalEvent(known, event);
  return [state === known ? terminals : new Map(terminals).set(terminal, state), step ? { terminal, step } : null];
}
