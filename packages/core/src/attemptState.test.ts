import { describe, expect, test } from 'vitest';
import { applyClockEvent } from './applyClockEvent.ts';
import { ATTEMPT_STATES, type AttemptState, canMove, stateToReaders } from './attemptState.ts';
import type { ClockEvent, ClockEventBody, ClockEventKind, ClockLimits } from './clock.ts';
import { AppError, type ErrorCode } from './errors.ts';

const LEGAL: Record<AttemptState, AttemptState[]> = {
  scheduled: ['provisioning', 'void', 'withdrawn'],
  provisioning: ['ready', 'scheduled', 'void', 'withdrawn'],
  ready: ['running', 'scheduled', 'void', 'withdrawn'],
  running: ['paused', 'finalising', 'void', 'withdrawn'],
  paused: ['running', 'finalising', 'void', 'withdrawn'],
  finalising: ['completed', 'void'],
  completed: ['finalising'],
  void: [],
  withdrawn: [],
};

test('every move that is not written down is refused', () => {
  for (const from of ATTEMPT_STATES) {
    for (const to of ATTEMPT_STATES) expect([from, to, canMove(from, to)]).toEqual([from, to, LEGAL[from].includes(to)]);
  }
});

const LIMITS: ClockLimits = { limitMs: 1_000, maxPauses: 2, maxPauseMs: 100, maxPauseTotalMs: 150 };
const STARTED: ClockEvent = { kind: 'started', n: 1, atMs: 0, by: null };

/** A history that leads to each state, at 500 ms on the clock's own time. */
const HISTORY: Record<AttemptState, ClockEvent[]> = {
  scheduled: [],
  provisioning: [],
  ready: [],
  running: [STARTED],
  paused: [STARTED, { kind: 'paused', reason: 'break', n: 2, atMs: 400, by: null }],
  finalising: [STARTED, { kind: 'submitted', n: 2, atMs: 400, by: null }],
  completed: [STARTED, { kind: 'submitted', n: 2, atMs: 400, by: null }],
  void: [STARTED],
  withdrawn: [STARTED],
};

const BODIES: Record<ClockEventKind, ClockEventBody> = {
  started: { kind: 'started' },
  paused: { kind: 'paused', reason: 'break' },
  resumed: { kind: 'resumed' },
  woken: { kind: 'woken' },
  adjusted: { kind: 'adjusted', creditMs: 10, reason: 'x' },
  outage: { kind: 'outage', fromMs: 100, toMs: 200, cause: 'x' },
  rollback: { kind: 'rollback', toElapsedMs: 10, reason: 'x' },
  scoring_started: { kind: 'scoring_started', scoreId: 'a' },
  scoring_ended: { kind: 'scoring_ended', scoreId: 'a' },
  submitted: { kind: 'submitted' },
  expired: { kind: 'expired' },
  stopped: { kind: 'stopped', reason: 'x' },
};

/** What each event does in each state with time left: the state after it; every combination left out is refused. */
const OUTCOMES: Record<ClockEventKind, Partial<Record<AttemptState, AttemptState>>> = {
  started: { ready: 'running' },
  paused: { running: 'paused' },
  resumed: { paused: 'running' },
  // Only in a pause that hibernates: its own test has that.
  woken: {},
  adjusted: { running: 'running', paused: 'paused', finalising: 'finalising', completed: 'completed' },
  outage: { running: 'running', paused: 'paused', finalising: 'finalising', completed: 'completed' },
  rollback: { running: 'running', paused: 'paused' },
  scoring_started: { running: 'running' },
  scoring_ended: {},
  submitted: { running: 'finalising' },
  expired: {},
  stopped: { running: 'finalising', paused: 'finalising' },
};

function codeOf(fn: () => unknown): ErrorCode | 'fine' {
  try {
    fn();
    return 'fine';
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

describe('clock events', () => {
  test('in every state, each event either has its one outcome or is refused', () => {
    for (const state of ATTEMPT_STATES) {
      for (const kind of Object.keys(BODIES) as ClockEventKind[]) {
        const apply = (): AttemptState => applyClockEvent(state, HISTORY[state], BODIES[kind], LIMITS, 500).next;
        const expected = OUTCOMES[kind][state];
        if (expected === undefined) expect([state, kind, codeOf(apply)]).not.toEqual([state, kind, 'fine']);
        else expect([state, kind, apply()]).toEqual([state, kind, expected]);
      }
    }
  });

  test('at zero only what ends or corrects the attempt is taken', () => {
    const at = (kind: ClockEventKind) => codeOf(() => applyClockEvent('running', [STARTED], BODIES[kind], LIMITS, 1_000));
    expect(at('expired')).toBe('fine');
    expect(at('stopped')).toBe('fine');
    expect(at('adjusted')).toBe('fine');
    expect(at('outage')).toBe('fine');
    expect(at('paused')).toBe('time_expired');
    expect(at('submitted')).toBe('time_expired');
    expect(at('scoring_started')).toBe('time_expired');
  });

  test('expiry is refused while time is left, except for as much as the caller allows', () => {
    const expire = (ifRemainingAtMostMs: number) =>
      codeOf(() => applyClockEvent('running', [STARTED], { kind: 'expired' }, LIMITS, 980, { ifRemainingAtMostMs }));
    expect(expire(0)).toBe('conflict');
    expect(expire(20)).toBe('fine');
  });

  test('a second submission hears that there was a first', () => {
    expect(() => applyClockEvent('finalising', HISTORY.finalising, { kind: 'submitted' }, LIMITS, 500)).toThrow('already been submitted');
  });

  test('a pause waits for a score that stops the clock', () => {
    const scoring: ClockEvent[] = [STARTED, { kind: 'scoring_started', scoreId: 'a', n: 2, atMs: 100, by: null }];
    expect(codeOf(() => applyClockEvent('running', scoring, BODIES.paused, LIMITS, 200))).toBe('conflict');
    expect(codeOf(() => applyClockEvent('running', scoring, BODIES.scoring_started, LIMITS, 200))).toBe('conflict');
    expect(codeOf(() => applyClockEvent('finalising', scoring, BODIES.scoring_ended, LIMITS, 200))).toBe('fine');
  });

  test('pauses beyond the caps are refused, and waiting for staff is not', () => {
    const used: ClockEvent[] = [
      STARTED,
      { kind: 'paused', reason: 'break', n: 2, atMs: 10, by: null },
      { kind: 'resumed', n: 3, atMs: 20, by: null },
      { kind: 'paused', reason: 'other', n: 4, atMs: 30, by: null },
      { kind: 'resumed', n: 5, atMs: 40, by: null },
    ];
    expect(codeOf(() => applyClockEvent('running', used, { kind: 'paused', reason: 'break' }, LIMITS, 50))).toBe('conflict');
    expect(codeOf(() => applyClockEvent('running', used, { kind: 'paused', reason: 'awaiting_staff' }, LIMITS, 50))).toBe('fine');
    const long: ClockEvent[] = used.slice(0, 3).map((event) => (event.kind === 'resumed' ? { ...event, atMs: 110 } : event));
    expect(
      codeOf(() => applyClockEvent('running', long, { kind: 'paused', reason: 'break' }, { ...LIMITS, maxPauseTotalMs: 100 }, 200)),
    ).toBe('conflict');
  });

  test('figures that make no sense are refused', () => {
    const tries: ClockEventBody[] = [
      { kind: 'adjusted', creditMs: 0, reason: 'x' },
      { kind: 'adjusted', creditMs: 1.5, reason: 'x' },
      { kind: 'adjusted', creditMs: 10, reason: ' ' },
      { kind: 'outage', fromMs: 200, toMs: 200, cause: 'x' },
      { kind: 'outage', fromMs: 200, toMs: 900, cause: 'x' },
      { kind: 'outage', fromMs: Number.NaN, toMs: 300, cause: 'x' },
      { kind: 'rollback', toElapsedMs: -1, reason: 'x' },
      { kind: 'rollback', toElapsedMs: 501, reason: 'x' },
      { kind: 'stopped', reason: '' },
    ];
    for (const body of tries)
      expect([body, codeOf(() => applyClockEvent('running', [STARTED], body, LIMITS, 500))]).toEqual([body, 'invalid_input']);
  });
});

describe('the state that readers go by', () => {
  test('is complete while a complete attempt is scored again, and its own otherwise', () => {
    expect(stateToReaders('finalising', true)).toBe('completed');
    expect(stateToReaders('finalising', false)).toBe('finalising');
    expect(stateToReaders('void', true)).toBe('void');
  });
});
