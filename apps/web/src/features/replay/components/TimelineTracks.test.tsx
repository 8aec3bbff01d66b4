import { emptyIndex } from '@plumbline/recording/indexBuilder';
import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import { renderToStaticMarkup } from 'react-dom/server';
import { expect, it } from 'vitest';
import { TimelineTracks } from './TimelineTracks.tsx';

/** A recording of a hundred seconds, so that a second is a percent. */
function indexWith(parts: Partial<RecordingIndex>): RecordingIndex {
  const attempt = { attemptId: 'a', title: 'A task', live: false, limitMs: 100_000, direction: 'higher', scoreScale: null } as const;
  return { ...emptyIndex(), ...attempt, fromMs: 0, toMs: 100_000, ...parts };
}

const markupOf = (parts: Partial<RecordingIndex>) => renderToStaticMarkup(<TimelineTracks index={indexWith(parts)} />);

/** The style and title of each element with the test id. */
function stretchesOf(markup: string, testId: string): string[] {
  return [...markup.matchAll(new RegExp(`<div title="([^"]*)" data-testid="${testId}"[^>]*style="([^"]*)"`, 'g'))].map(
    ([, title, style]) => `${title}: ${style}`,
  );
}

const score = (n: number, atMs: number, value: number | null) => ({
  seq: n,
  atMs,
  scoreId: `s${n}`,
  n,
  trigger: 'participant',
  elapsedMs: atMs,
  status: value === null ? 'crashed' : 'scored',
  score: value,
  normalised: null,
  message: null,
});

it('a score stands at its time, the better the higher, whichever way is better; one without a number does not stand there', () => {
  const placesOf = (direction: 'lower' | 'higher') =>
    [
      ...markupOf({ direction, scores: [score(1, 10_000, 2), score(2, 50_000, 4), score(3, 60_000, null), score(4, 90_000, 3)] }).matchAll(
        /title="Score (\d): [\d.]+"[^>]*style="left:([\d.]+)%;bottom:([\d.]+)%"/g,
      ),
    ].map((match) => match.slice(1).map(Number));
  expect(placesOf('higher')).toEqual([
    [1, 10, 0],
    [2, 50, 70],
    [4, 90, 35],
  ]);
  expect(placesOf('lower').map(([, , bottom]) => bottom)).toEqual([70, 0, 35]);
});

it('a command stands where it began, one that failed in another colour, also where others stand at its place', () => {
  const command = (seq: number, atMs: number, exitCode: number | null) => {
    return { seq, terminal: 1, atMs, endAtMs: atMs + 1, text: 'x', directory: '/', exitCode, lost: false };
  };
  const markup = markupOf({
    commands: [command(1, 25_000, 0), command(2, 50_000, 0), command(3, 50_010, 2), command(4, 50_020, 0), command(5, 75_000, null)],
  });
  const ticks = [...markup.matchAll(/<path d="([^"]*)" class="fill-none stroke-(muted|danger)"/g)].map(([, d, tone]) => [tone, d]);
  expect(ticks).toEqual([
    ['muted', 'M150,0V1M450,0V1'],
    ['danger', 'M300,0V1'],
  ]);
});

it('what the sandbox used has a line for each figure that is known, against its own most; a sandbox without a GPU has no line of one', () => {
  const sample = (atMs: number, share: number, gpus: number | null) => ({
    atMs,
    cpuMs: 0,
    cpus: 4 * share,
    memoryBytes: 1e9 * share,
    diskBytes: 1e10 * share,
    gpus,
    gpuMemoryBytes: gpus,
  });
  const figuresOf = (gpus: number | null) =>
    [
      ...markupOf({ resources: [sample(0, 0, gpus), sample(50_000, 1, gpus), sample(100_000, 0.5, gpus)] }).matchAll(
        /<path d="([^"]*)" data-figure="(\w+)"/g,
      ),
    ].map(([, d, figure]) => [figure, d]);
  expect(figuresOf(null)).toEqual([
    ['cpus', 'M0.0,20 L0.0,20.0 L500.0,2.0 L1000.0,11.0 L1000.0,20 Z'],
    ['memoryBytes', 'M0.0,20.0 L500.0,2.0 L1000.0,11.0'],
    ['diskBytes', 'M0.0,20.0 L500.0,2.0 L1000.0,11.0'],
  ]);
  expect(figuresOf(1)).toContainEqual(['gpus', 'M0.0,2.0 L500.0,2.0 L1000.0,2.0']);
});

it('pauses, what was sealed and where the participant was away are shaded from their beginning to their end, an open one to the end', () => {
  const markup = markupOf({
    pauses: [
      { fromMs: 10_000, toMs: 20_000, reason: 'break' },
      { fromMs: 90_000, toMs: null, reason: 'absent' },
    ],
    sealed: [{ fromMs: 30_000, toMs: 40_000, reason: 'a password' }],
    focus: [
      { atMs: 0, tab: 'a', here: true },
      { atMs: 50_000, tab: 'b', here: true },
      { atMs: 55_000, tab: 'a', here: false },
      { atMs: 60_000, tab: 'b', here: false },
      { atMs: 70_000, tab: 'a', here: true },
      { atMs: 95_000, tab: 'a', here: false },
    ],
  });
  const stretch = (from: number, to: number) => `left:${from}.000%;width:calc(${to}.000% - ${from}.000%)`;
  expect(stretchesOf(markup, 'replay-pause')).toEqual([
    `Paused: a break: ${stretch(10, 20)}`,
    `Paused: nobody was there: ${stretch(90, 100)}`,
  ]);
  expect(stretchesOf(markup, 'replay-sealed')).toEqual([`Sealed by the participant: a password: ${stretch(30, 40)}`]);
  expect(stretchesOf(markup, 'replay-away').map((words) => words.split(': ')[1])).toEqual([stretch(60, 70), stretch(95, 100)]);
});
