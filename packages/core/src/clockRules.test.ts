import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { applyClockEvent } from './applyClockEvent.ts';
import type { AttemptState } from './attemptState.ts';
import type { ClockEvent, ClockEventBody, ClockEventKind, ClockLimits, PauseReason } from './clock.ts';
import { clockFigures } from './clockFigures.ts';
import { asRunElapsedMs } from './elapsed.ts';
import { AppError } from './errors.ts';

/** The examples of docs/clock-rules.md, each line either an event, a refused event, or what the clock must show. */
const EXAMPLES = [
  ...readFileSync(new URL('../../../docs/clock-rules.md', import.meta.url), 'utf8').matchAll(/```clock\n([\s\S]*?)```/g),
].map((match) => (match[1] ?? '').trim().split('\n'));

function ms(text: string | undefined): number {
  const match = /^(\d+):(\d\d):(\d\d)$/.exec(text ?? '');
  if (match === null) throw new Error(`not a time: ${text}`);
  return (Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3])) * 1000;
}

function limitsOf(line: string): ClockLimits {
  const words = line.split(' ');
  const after = (word: string): string | undefined => (words.includes(word) ? words[words.indexOf(word) + 1] : undefined);
  return {
    limitMs: ms(after('limit')),
    maxPauses: Number(after('pauses') ?? 12),
    maxPauseMs: ms(after('each') ?? '1:30:00'),
    maxPauseTotalMs: ms(after('total') ?? '6:00:00'),
  };
}

function bodyOf(kind: string, args: string[]): ClockEventBody {
  const first = args[0] ?? '';
  switch (kind as ClockEventKind) {
    case 'paused':
      return { kind: 'paused', reason: first as PauseReason, ...(args[1] === 'until' ? { resumeAtMs: ms(args[2]) } : {}) };
    case 'adjusted':
      return { kind: 'adjusted', creditMs: (first.startsWith('-') ? -1 : 1) * ms(first.slice(1)), reason: 'an example' };
    case 'outage':
      return { kind: 'outage', fromMs: ms(first), toMs: ms(args[2]), cause: 'an example' };
    case 'rollback':
      return { kind: 'rollback', toElapsedMs: ms(first), reason: 'an example' };
    case 'stopped':
      return { kind: 'stopped', reason: 'an example' };
    case 'scoring_started':
    case 'scoring_ended':
      return { kind: kind as 'scoring_started', scoreId: first };
    case 'started':
    case 'resumed':
    case 'woken':
    case 'submitted':
    case 'expired':
      return { kind: kind as 'started' };
  }
}

const seenKinds = new Set<string>();

test.each(EXAMPLES)('the example beginning "%s", "%s" is what the clock does', (...lines) => {
  const limits = limitsOf(lines[0] ?? '');
  const events: ClockEvent[] = [];
  let state: AttemptState = 'ready';
  for (const line of lines.slice(1)) {
    const [time, kind = '', ...rest] = line.split(' ');
    const nowMs = ms(time);
    if (kind === 'is') {
      const figures = clockFigures({ state, events, limits }, nowMs);
      for (const claim of rest.join(' ').split(', ')) {
        const [, name, value] = /^(.*) (\S+)$/.exec(claim) ?? [];
        const actual: Record<string, unknown> = {
          elapsed: figures.elapsedMs,
          remaining: figures.remainingMs,
          'as run': asRunElapsedMs(events, nowMs),
          'pauses left': figures.pausesLeft,
          'pause left': figures.pauseLeftMs,
          state,
        };
        const expected = name === 'state' ? value : name === 'pauses left' ? Number(value) : ms(value);
        expect([line, name, actual[name ?? '']]).toEqual([line, name, expected]);
      }
      continue;
    }
    const refusal = rest.indexOf('refused');
    const body = bodyOf(kind, refusal < 0 ? rest : rest.slice(0, refusal));
    let outcome: string;
    try {
      state = applyClockEvent(state, events, body, limits, nowMs).next;
      events.push({ ...body, n: events.length + 1, atMs: nowMs, by: null } as ClockEvent);
      seenKinds.add(kind);
      outcome = 'taken';
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      outcome = error.code;
    }
    expect([line, outcome]).toEqual([line, refusal < 0 ? 'taken' : rest[refusal + 1]]);
  }
});

test('every kind of event has an example', () => {
  const all: ClockEventKind[] = [
    'started',
    'paused',
    'resumed',
    'woken',
    'adjusted',
    'outage',
    'rollback',
    'scoring_started',
    'scoring_ended',
    'submitted',
    'expired',
    'stopped',
  ];
  expect([...seenKinds].sort()).toEqual(all.sort());
});
