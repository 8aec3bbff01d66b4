import { type ClockEventBody, type ClockEventKind, cleanSummary, PAUSE_REASONS } from '@plumbline/core';
import { expect, it } from 'vitest';
import { cleanWords, clockEventWords } from './words.ts';

const BODIES: Record<ClockEventKind, ClockEventBody> = {
  started: { kind: 'started' },
  paused: { kind: 'paused', reason: 'break', note: 'tea' },
  resumed: { kind: 'resumed' },
  woken: { kind: 'woken' },
  adjusted: { kind: 'adjusted', creditMs: 60_000, reason: 'a fault' },
  outage: { kind: 'outage', fromMs: 0, toMs: 60_000, cause: 'a restart' },
  rollback: { kind: 'rollback', toElapsedMs: 60_000, reason: 'a lost disk' },
  scoring_started: { kind: 'scoring_started', scoreId: 's' },
  scoring_ended: { kind: 'scoring_ended', scoreId: 's' },
  submitted: { kind: 'submitted' },
  expired: { kind: 'expired' },
  stopped: { kind: 'stopped', reason: 'by agreement' },
};

const wordsOf = (body: ClockEventBody) => clockEventWords({ ...body, n: 1, atMs: 0, by: null });

it('each event of the clock is told in a sentence of its own, with its reason', () => {
  const sentences = Object.values(BODIES).map(wordsOf);
  for (const sentence of sentences) expect(sentence).toMatch(/^[A-Z0-9][^_]+\.$/);
  expect(new Set(sentences).size).toBe(sentences.length);
  expect(sentences.join()).not.toMatch(/undefined|NaN/);
  for (const [kind, reason] of [
    ['paused', 'tea'],
    ['adjusted', 'a fault'],
    ['outage', 'a restart'],
    ['rollback', 'a lost disk'],
    ['stopped', 'by agreement'],
  ] as const) {
    expect(wordsOf(BODIES[kind])).toContain(reason);
  }
});

it('each reason of a pause has words, and time that is taken reads otherwise than time that is given', () => {
  const paused = PAUSE_REASONS.map((reason) => wordsOf({ kind: 'paused', reason }));
  expect(new Set(paused).size).toBe(PAUSE_REASONS.length);
  expect(paused.join()).not.toContain('undefined');
  expect(wordsOf({ kind: 'adjusted', creditMs: -60_000, reason: 'a fault' })).toMatch(/taken off/);
});

it('what staff did is told as theirs, and the same by the platform is not', () => {
  const bodies: ClockEventBody[] = [
    { kind: 'paused', reason: 'platform', note: 'A disk is full.' },
    { kind: 'resumed', reason: 'It is there' },
    { kind: 'adjusted', creditMs: 60_000, reason: 'a fault' },
    { kind: 'adjusted', creditMs: -60_000, reason: 'too much' },
  ];
  const toldBy = (by: string | null) => bodies.map((body) => clockEventWords({ ...body, n: 1, atMs: 0, by }));
  expect(toldBy('staff')).toEqual([
    'Paused by staff: A disk is full.',
    'Resumed by staff: It is there.',
    '1 min given back by staff: a fault.',
    '1 min taken off by staff: too much.',
  ]);
  expect(toldBy(null).join()).not.toContain('staff');
});

it('clean re-scores are told with mean and standard deviation, how many there are, and whether they bear out what was logged', () => {
  const scale = { startingScore: 1, referenceScore: 0 };
  const words = (logged: number, ...scores: (number | null)[]) =>
    cleanWords(
      cleanSummary(
        logged,
        scores.map((score) => ({ status: score === null ? 'crashed' : 'scored', score })),
        scale,
      ),
    );
  expect(words(0.5, 0.49, 0.5, 0.51)).toBe('0.5 ± 0.01 (3 of 3)');
  expect(words(0.5, 0.505)).toBe('0.505 (1 of 1)');
  expect(words(0.5, 0.79, 0.8, 0.81)).toBe('0.8 ± 0.01 (3 of 3), disagree');
  expect(words(0.5, 0.5, null)).toBe('0.5 (1 of 2), disagree');
  expect(words(0.5, null, null)).toBe('– (0 of 2), disagree');
});
