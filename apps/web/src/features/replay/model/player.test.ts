import type { EventInput, RecordedEvent } from '@plumbline/protocol';
import { indexEvents } from '@plumbline/recording/indexBuilder';
import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LiveFeed } from './liveFeed.ts';
import { type DocumentStretch, type MomentReader, momentAt } from './moment.ts';
import { Player } from './player.ts';
import { type EventLine, fromEventLine, type MomentAnswer, type ScreenAnswer, toEventLine, toStepLine } from './recordingApi.ts';
import type { ReplaySource } from './replaySource.ts';
import { tailOf, terminalAfter } from './terminalState.ts';

const TAB = '00000000-0000-4000-8000-000000000000';
const START_MS = 1_700_000_000_000;
const HEAD = { attemptId: 'a', title: 'T', live: false, limitMs: 3_600_000, direction: 'lower' as const, scoreScale: null };

/** Answers as the routes are told to, from events in memory; every answer crosses the wire format. */
class MemorySource implements ReplaySource, MomentReader {
  readonly recorded: RecordedEvent[];
  readonly ordered: RecordedEvent[];
  fetched = 0;

  constructor(recorded: RecordedEvent[]) {
    this.recorded = recorded;
    this.ordered = [...recorded].sort((a, b) => a.atMs - b.atMs || a.seq - b.seq);
  }

  async index(): Promise<RecordingIndex> {
    return { ...HEAD, ...(await indexEvents(this.recorded)) };
  }

  async events(fromMs: number, toMs: number): Promise<RecordedEvent[]> {
    this.fetched += 1;
    return this.wire(this.ordered.filter((event) => event.atMs >= fromMs && event.atMs < toMs));
  }

  async moment(atMs: number): Promise<MomentAnswer> {
    return JSON.parse(JSON.stringify(await momentAt(await this.index(), this, atMs)));
  }

  async documentEvents(stretches: readonly DocumentStretch[], untilMs: number): Promise<RecordedEvent[]> {
    return this.recorded.filter((event) => {
      if (!event.type.startsWith('editor.') || event.atMs > untilMs) return false;
      const { tab, path } = event.data as { tab: string; path: string };
      return stretches.some((own) => own.tab === tab && own.path === path && event.seq >= own.fromSeq && event.seq <= own.toSeq);
    });
  }

  isAbandoned(): boolean {
    return false;
  }

  async screen(terminal: number, atMs: number): Promise<ScreenAnswer> {
    const own = this.ordered.filter((event) => event.type.startsWith('terminal.') && event.stream === terminal && event.atMs <= atMs);
    const last = own.findLastIndex((event) => event.type === 'terminal.keyframe');
    const keyframe = own[last];
    const state = terminalAfter(terminal, keyframe?.type === 'terminal.keyframe' ? keyframe.data : null, own.slice(last + 1));
    return {
      terminal,
      base: state?.base ?? null,
      begunAnew: state?.begunAnew === true,
      tail: state === null ? [] : tailOf(state).map(toStepLine),
    };
  }

  async eventsFrom(fromSeq: number): Promise<RecordedEvent[]> {
    return this.wire(this.recorded.filter(({ seq }) => seq >= fromSeq));
  }

  private wire(events: RecordedEvent[]): RecordedEvent[] {
    return events.map((event) => fromEventLine(JSON.parse(JSON.stringify(toEventLine(event))) as EventLine) as RecordedEvent);
  }
}

/** What is taken out of a stretch, sizes apart. */
const HIDEABLE = new Set(['terminal.output', 'terminal.keyframe']);

type Act =
  | { kind: 'output'; terminal: number; text: string }
  | { kind: 'resize'; terminal: number; cols: number }
  | { kind: 'keyframe' | 'toggle'; terminal: number }
  | { kind: 'edit'; path: string; offset: number; text: string }
  | { kind: 'text' | 'toggleFile'; path: string }
  | { kind: 'select'; path: string; at: number }
  | { kind: 'score' };

const terminal = fc.constantFrom(1, 2);
const path = fc.constantFrom('a.py', 'b.py');
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('output' as const), terminal, text: fc.string({ minLength: 1, maxLength: 5 }) }) },
  fc.record({ kind: fc.constant('resize' as const), terminal, cols: fc.integer({ min: 2, max: 90 }) }),
  fc.record({ kind: fc.constantFrom('keyframe' as const, 'toggle' as const), terminal }),
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('edit' as const), path, offset: fc.nat(20), text: fc.string({ maxLength: 4 }) }) },
  fc.record({ kind: fc.constantFrom('text' as const, 'toggleFile' as const), path }),
  fc.record({ kind: fc.constant('select' as const), path, at: fc.nat(20) }),
  fc.record({ kind: fc.constant('score' as const) }),
);
const gapMs = fc.oneof({ weight: 6, arbitrary: fc.nat(2_000) }, { weight: 1, arbitrary: fc.integer({ min: 10_000, max: 200_000 }) });

/** A recording in which the screen of a keyframe is all output so far, so that any two ways to a screen can be compared. */
function recordingOf(acts: [number, Act][]): RecordedEvent[] {
  const events: RecordedEvent[] = [];
  let nowMs = START_MS;
  const push = (event: Omit<EventInput, 'atMs'>) => events.push({ ...event, atMs: nowMs, seq: events.length + 1 } as RecordedEvent);
  const terminals = new Map<number, { text: string; cols: number }>();
  const opened = new Map<number, number>();
  const files = new Map<string, string>();
  let scores = 0;
  const stream = (number: number) => number + 10 * (opened.get(number) ?? 0);
  const open = (number: number) => {
    opened.set(number, (opened.get(number) ?? 0) + 1);
    terminals.set(number, { text: '', cols: 80 });
    push({ type: 'terminal.opened', stream: stream(number), data: { cols: 80, rows: 24, term: 'xterm', shell: 'bash' } });
  };
  open(1);
  for (const [gap, item] of acts) {
    nowMs += gap;
    if ('terminal' in item) {
      const own = terminals.get(item.terminal);
      const at = stream(item.terminal);
      if (item.kind === 'toggle') {
        if (own) {
          terminals.delete(item.terminal);
          push({ type: 'terminal.closed', stream: at, data: { exitCode: 0, signal: null } });
        } else open(item.terminal);
      } else if (own && item.kind === 'output') {
        const bytes = new TextEncoder().encode(item.text);
        push({ type: 'terminal.output', stream: at, data: { offset: new TextEncoder().encode(own.text).length, bytes } });
        own.text += item.text;
      } else if (own && item.kind === 'resize') {
        own.cols = item.cols;
        push({ type: 'terminal.resized', stream: at, data: { cols: item.cols, rows: 24 } });
      } else if (own && item.kind === 'keyframe') {
        push({
          type: 'terminal.keyframe',
          stream: at,
          data: { cols: own.cols, rows: 24, offset: new TextEncoder().encode(own.text).length, screen: own.text },
        });
      }
    } else if ('path' in item) {
      const text = files.get(item.path);
      const common = { tab: TAB, path: item.path };
      if (item.kind === 'toggleFile') {
        if (text === undefined) {
          files.set(item.path, '# start\n');
          push({ type: 'editor.opened', stream: 0, data: { ...common, hash: '0'.repeat(64), version: 1, text: '# start\n' } });
        } else {
          files.delete(item.path);
          push({ type: 'editor.closed', stream: 0, data: common });
        }
      } else if (text !== undefined && item.kind === 'edit') {
        const offset = Math.min(item.offset, text.length);
        files.set(item.path, text.slice(0, offset) + item.text + text.slice(offset + 1));
        push({ type: 'editor.changed', stream: 0, data: { ...common, version: 2, changes: [{ offset, length: 1, text: item.text }] } });
      } else if (text !== undefined && item.kind === 'text')
        push({ type: 'editor.text', stream: 0, data: { ...common, version: 3, text } });
      else if (text !== undefined && item.kind === 'select')
        push({ type: 'editor.selection', stream: 0, data: { ...common, anchor: item.at, active: item.at } });
    } else {
      scores += 1;
      push({
        type: 'score.finished',
        stream: 0,
        data: { scoreId: String(scores), n: scores, trigger: 'participant', status: 'scored', score: 1, message: null, durationMs: 1 },
      });
    }
  }
  return events;
}

/** All that a replay shows, in a form that does not depend on the way there. */
function shown(player: Player): unknown {
  const { terminals, editors, positionMs } = player.store.get();
  const decoder = new TextDecoder();
  return {
    positionMs,
    terminals: [...terminals.values()]
      .sort((a, b) => a.terminal - b.terminal)
      .map((state) => [
        state.terminal,
        state.cols,
        state.rows,
        state.offset,
        state.begunAnew,
        state.base.screen +
          tailOf(state)
            .map((step) => (step.kind === 'output' ? decoder.decode(step.bytes) : ''))
            .join(''),
      ]),
    documents: [...editors.documents].map(([key, document]) => [key, document.text, document.selection]).sort(),
    active: player.activeDocument()?.path ?? null,
  };
}

async function playTo(source: ReplaySource, targetMs: number): Promise<Player> {
  const index = await source.index();
  const player = new Player(source, { ...index, toMs: Math.min(index.toMs, targetMs) });
  await player.seek(index.fromMs);
  player.setSkipIdle(false);
  player.setSpeed(64);
  player.play();
  let nowMs = 0;
  for (let frame = 0; frame < 100_000 && player.store.get().playing; frame += 1) {
    nowMs += 200;
    player.tick(nowMs);
    if (player.store.get().waiting) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(player.store.get().playing).toBe(false);
  return player;
}

const recording = fc.array(fc.tuple(gapMs, act), { minLength: 1, maxLength: 60 }).map(recordingOf);

describe('the player', () => {
  it('shows the same after any jumps as after playing from the start, also where a stretch was taken out', async () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    await fc.assert(
      fc.asyncProperty(
        recording,
        fc.array(share, { minLength: 1, maxLength: 6 }),
        fc.tuple(share, share),
        async (events, jumps, [from, length]) => {
          const hidden = [from * events.length, (from + length / 2) * events.length] as const;
          const isShown = ({ seq, type }: RecordedEvent) => !HIDEABLE.has(type) || seq <= hidden[0] || seq > hidden[1];
          const source = new MemorySource(events.filter(isShown));
          const index = await source.index();
          const jumping = new Player(source, index);
          const targets = jumps.map((share) => Math.round(index.fromMs + share * (index.toMs - index.fromMs)));
          for (const target of targets) await jumping.seek(target);
          const playing = await playTo(source, targets.at(-1) ?? index.fromMs);
          expect(shown(jumping)).toEqual(shown(playing));
        },
      ),
      { numRuns: 120 },
    );
  });

  it('begins on an empty screen after output that is missing, says so, and has the whole of it from the next keyframe on', async () => {
    const push = (seq: number, type: string, data: unknown) =>
      ({ seq, atMs: START_MS + seq * 1_000, stream: 1, type, data }) as RecordedEvent;
    const bytes = new TextEncoder().encode('later');
    const source = new MemorySource([
      push(1, 'terminal.opened', { cols: 80, rows: 24, term: 'xterm', shell: 'bash' }),
      push(2, 'terminal.output', { offset: 0, bytes: new TextEncoder().encode('sooner') }),
      push(3, 'terminal.resized', { cols: 60, rows: 20 }),
      push(4, 'terminal.output', { offset: 100, bytes }),
      push(5, 'terminal.keyframe', { cols: 60, rows: 20, offset: 105, screen: 'all of it' }),
      push(6, 'terminal.keyframe', { cols: 60, rows: 20, offset: 105, screen: 'all of it' }),
    ]);
    const player = new Player(source, await source.index());
    await player.seek(START_MS + 1_000);
    const steps: unknown[] = [];
    player.terminalNews.on(({ step }) => {
      const state = player.store.get().terminals.get(1);
      steps.push(step === 'redraw' ? [state?.base, state?.begunAnew] : step.kind);
    });
    player.setSkipIdle(false);
    player.play();
    for (let nowMs = 0; player.store.get().playing; nowMs += 200) {
      player.tick(nowMs);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(steps).toEqual([
      'output',
      'resize',
      [{ cols: 60, rows: 20, offset: 100, screen: '' }, true],
      [{ cols: 60, rows: 20, offset: 105, screen: 'all of it' }, false],
    ]);
  });

  it('keeps what was selected over a whole text, however it came there', async () => {
    const source = new MemorySource(
      recordingOf([
        [1_000, { kind: 'toggleFile', path: 'a.py' }],
        [1_000, { kind: 'select', path: 'a.py', at: 4 }],
        [1_000, { kind: 'text', path: 'a.py' }],
        [1_000, { kind: 'text', path: 'a.py' }],
        [1_000, { kind: 'score' }],
      ]),
    );
    const player = new Player(source, await source.index());
    await player.seek(player.index.toMs);
    expect(player.activeDocument()?.selection).toEqual({ anchor: 4, active: 4 });
    expect(shown(player)).toEqual(shown(await playTo(source, player.index.toMs)));
  });

  it('steps through every moment at which something happened, and back', async () => {
    await fc.assert(
      fc.asyncProperty(recording, async (events) => {
        const source = new MemorySource(events);
        const index = await source.index();
        const player = new Player(source, index);
        await player.seek(index.fromMs);
        const moments = [...new Set(source.ordered.filter((event) => event.type !== 'terminal.keyframe').map((event) => event.atMs))];
        const forward = [player.store.get().positionMs];
        for (let at = 1; at < moments.length; at += 1) {
          await player.step(1);
          forward.push(player.store.get().positionMs);
        }
        expect(forward).toEqual(moments);
        const back = [];
        for (let at = 0; at < moments.length; at += 1) {
          back.push(player.store.get().positionMs);
          await player.step(-1);
        }
        expect(back.reverse()).toEqual(moments);
      }),
      { numRuns: 30 },
    );
  });

  it('of several jumps at once keeps the last', async () => {
    const source = new MemorySource(
      recordingOf(Array.from({ length: 40 }, (_, at) => [10_000, { kind: 'output', terminal: 1, text: String(at) }])),
    );
    const index = await source.index();
    const player = new Player(source, index);
    await Promise.all([player.seek(index.toMs), player.seek(index.fromMs + 100_000), player.seek(index.fromMs + 200_000)]);
    expect(player.store.get().positionMs).toBe(index.fromMs + 200_000);
  });

  it('skips idle time, and reads none of it', async () => {
    const hourMs = 3_600_000;
    const source = new MemorySource(
      recordingOf([
        [1_000, { kind: 'output', terminal: 1, text: 'before' }],
        [3 * hourMs, { kind: 'output', terminal: 1, text: 'after' }],
      ]),
    );
    const player = new Player(source, await source.index());
    await player.seek(0);
    player.play();
    let nowMs = 0;
    let frames = 0;
    for (; frames < 200 && player.store.get().playing; frames += 1) {
      nowMs += 100;
      player.tick(nowMs);
      if (player.store.get().waiting) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(player.store.get().positionMs).toBe(player.index.toMs);
    expect(frames).toBeLessThan(100);
    expect(source.fetched).toBeLessThanOrEqual(2);
  });

  it('plays a flood, of which little can be kept, and reads each of its stretches once', async () => {
    const events: RecordedEvent[] = [
      { seq: 1, atMs: START_MS, type: 'terminal.opened', stream: 1, data: { cols: 80, rows: 24, term: 'xterm', shell: 'bash' } },
    ];
    // Six megabytes in each half minute: two stretches are more than is kept.
    const bytes = new TextEncoder().encode('x'.repeat(1_000_000));
    for (let n = 0; n < 60; n += 1) {
      const atMs = START_MS + n * 5_000;
      events.push({ seq: n + 2, atMs, type: 'terminal.output', stream: 1, data: { offset: n * bytes.length, bytes } });
    }
    const source = new MemorySource(events);
    for (const speed of [1, 16] as const) {
      source.fetched = 0;
      const player = new Player(source, await source.index());
      await player.seek(player.index.fromMs);
      player.setSkipIdle(false);
      player.setSpeed(speed);
      player.play();
      let nowMs = 0;
      while (player.store.get().playing && nowMs < 2_000_000) {
        nowMs += 1_000;
        player.tick(nowMs);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(player.store.get().positionMs, `at ${speed}`).toBe(player.index.toMs);
      expect(source.fetched, `at ${speed}`).toBeLessThanOrEqual(11);
    }
  });

  it('that follows a running attempt shows at each moment what a jump to it shows, and goes back and returns to the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(gapMs, act), { minLength: 4, maxLength: 40 }),
        fc.array(fc.nat(7), { maxLength: 12 }),
        async (acts, pieces) => {
          const whole = recordingOf(acts);
          const source = new MemorySource(whole);
          let there = Math.ceil(whole.length / 3);
          const growing: ReplaySource = {
            index: async () => ({ ...HEAD, ...(await indexEvents(whole.slice(0, there))), live: true }),
            events: async (fromMs, toMs) => (await source.events(fromMs, toMs)).filter(({ seq }) => seq <= there),
            eventsFrom: async (fromSeq) => (await source.eventsFrom(fromSeq)).filter(({ seq }) => seq <= there),
            moment: (atMs) => new MemorySource(whole.slice(0, there)).moment(atMs),
          };
          const player = new Player(growing, await growing.index());
          const feed = new LiveFeed(growing, player);
          await player.follow();
          for (const piece of [...pieces, whole.length]) {
            there = Math.min(whole.length, there + piece);
            await feed.ask();
            if (piece === 3) {
              await player.seek(player.index.fromMs + 10);
              await player.follow();
            }
          }
          await player.follow();
          expect(player.index.lastSeq).toBe(whole.length);
          const still = new Player(source, await source.index());
          await still.seek(still.index.toMs);
          expect(shown(player)).toEqual(shown(still));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('follows a running attempt from its end on, where playing comes to it too, and goes back to the beginning of a finished one', async () => {
    const source = new MemorySource(recordingOf([[1_000, { kind: 'output', terminal: 1, text: 'x' }]]));
    const finished = await source.index();
    const running = new Player(source, { ...finished, live: true });
    await running.follow();
    running.toggle();
    expect(running.store.get()).toMatchObject({ playing: false, following: false });
    running.toggle();
    await expect.poll(() => running.store.get().waiting).toBe(false);
    expect(running.store.get()).toMatchObject({ playing: false, following: true, positionMs: finished.toMs });
    await running.seek(finished.fromMs);
    running.play();
    for (let nowMs = 0; running.store.get().playing; nowMs += 200) {
      running.tick(nowMs);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(running.store.get()).toMatchObject({ following: true, positionMs: finished.toMs });

    const still = new Player(source, finished);
    await still.seek(finished.toMs);
    still.play();
    await expect.poll(() => still.store.get().waiting).toBe(false);
    expect(still.store.get()).toMatchObject({ playing: true, following: false, positionMs: finished.fromMs });
  });

  it('does not play after a jump to the beginning that failed, nor where it was stopped meanwhile', async () => {
    const source = new MemorySource(recordingOf([[60_000, { kind: 'output', terminal: 1, text: 'x' }]]));
    const player = new Player(source, await source.index());
    await player.seek(player.index.toMs);
    player.play();
    player.pause();
    await expect.poll(() => player.store.get().waiting).toBe(false);
    expect(player.store.get().playing).toBe(false);
    await player.seek(player.index.toMs);
    source.moment = async () => {
      throw new Error('away');
    };
    player.play();
    await expect.poll(() => player.store.get().error).toBe('away');
    expect(player.store.get()).toMatchObject({ playing: false, waiting: false });
  });

  it('says what went wrong and can go on when the recording is away for a while', async () => {
    const source = new MemorySource(recordingOf([[60_000, { kind: 'output', terminal: 1, text: 'x' }]]));
    const player = new Player(source, await source.index());
    const moment = source.moment.bind(source);
    source.moment = async () => {
      throw new Error('away');
    };
    await player.seek(player.index.toMs);
    expect(player.store.get()).toMatchObject({ error: 'away', waiting: false });
    source.moment = moment;
    await player.seek(player.index.toMs);
    expect(player.store.get().error).toBeNull();
    expect(player.store.get().terminals.size).toBe(1);
  });
});
