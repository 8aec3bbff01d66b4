import type { RecordedEvent } from '@plumbline/protocol';
import { indexEvents } from '@plumbline/recording/indexBuilder';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LiveFeed } from './liveFeed.ts';
import { act, gapMs, HEAD, MemorySource, recordingOf, START_MS } from './madeUpRecording.fixture.ts';
import { Player } from './player.ts';
import type { ReplaySource } from './replaySource.ts';
import { tailOf } from './terminalState.ts';

/** What is taken out of a stretch, sizes apart. */
const HIDEABLE = new Set(['terminal.output', 'terminal.keyframe']);

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
