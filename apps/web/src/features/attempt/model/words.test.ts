import { type ClockEventBody, type ClockEventKind, PAUSE_REASONS } from '@plumbline/core';
import { expect, it } from 'vitest';
import { clockEventWords } from './words.ts';

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
