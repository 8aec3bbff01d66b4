import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyClockEvent } from './applyClockEvent.ts';
import type { AttemptState } from './attemptState.ts';
import type { ClockEvent, ClockEventBody, ClockLimits } from './clock.ts';
import { clockFigures } from './clockFigures.ts';
import { asRunElapsedMs, deadlineMs, elapsedMs, isClockRunning, remainingMs } from './elapsed.ts';
import { AppError } from './errors.ts';
import { pauseAllowance } from './pauses.ts';

const MINUTE = 60_000;
const LIMITS: ClockLimits = { limitMs: 480 * MINUTE, maxPauses: 12, maxPauseMs: 90 * MINUTE, maxPauseTotalMs: 360 * MINUTE };

/** A clock from `[minute, body]` pairs. */
function clockOf(...steps: [number, ClockEventBody][]): ClockEvent[] {
  return steps.map(([minute, body], index) => ({ ...body, n: index + 1, atMs: minute * MINUTE, by: null }) as ClockEvent);
}

const paused = (reason: 'break' | 'awaiting_staff' = 'break'): ClockEventBody => ({ kind: 'paused', reason });
const outage = (from: number, to: number): ClockEventBody => ({ kind: 'outage', fromMs: from * MINUTE, toMs: to * MINUTE, cause: 'link' });
const minutes = (events: ClockEvent[], now: number): number => elapsedMs(events, now * MINUTE, LIMITS.limitMs) / MINUTE;

describe('elapsed time', () => {
  test('nothing has elapsed before the start', () => {
    expect(minutes([], 100)).toBe(0);
  });

  test('a pause does not count, closed or open', () => {
    const events = clockOf([0, { kind: 'started' }], [10, paused()], [25, { kind: 'resumed' }], [40, paused()]);
    expect(minutes(events, 30)).toBe(15);
    expect(minutes(events, 500)).toBe(25);
  });

  test('an outage inside a pause is given back once', () => {
    const events = clockOf([0, { kind: 'started' }], [10, paused()], [30, { kind: 'resumed' }], [31, outage(20, 31)]);
    expect(minutes(events, 40)).toBe(19);
  });

  test('two reports of one outage are one outage, in either order', () => {
    const a = clockOf([0, { kind: 'started' }], [50, outage(10, 30)], [51, outage(20, 40)]);
    const b = clockOf([0, { kind: 'started' }], [50, outage(20, 40)], [51, outage(10, 30)]);
    expect(minutes(a, 60)).toBe(30);
    expect(minutes(b, 60)).toBe(30);
  });

  test('an outage that began before the start or lasted beyond the end counts only within', () => {
    const events = clockOf([10, { kind: 'started' }], [60, { kind: 'submitted' }], [90, outage(0, 15)], [91, outage(55, 90)]);
    expect(minutes(events, 100)).toBe(40);
  });

  test('the clock stands still while a stopping score runs', () => {
    const events = clockOf(
      [0, { kind: 'started' }],
      [10, { kind: 'scoring_started', scoreId: 'a' }],
      [14, { kind: 'scoring_ended', scoreId: 'a' }],
    );
    expect(minutes(events, 12)).toBe(10);
    expect(minutes(events, 20)).toBe(16);
  });

  test('a correction after the end changes the figures, and as-run time stays', () => {
    const events = clockOf(
      [0, { kind: 'started' }],
      [60, { kind: 'submitted' }],
      [900, { kind: 'adjusted', creditMs: 5 * MINUTE, reason: 'slow disk' }],
    );
    expect(minutes(events, 1000)).toBe(55);
    expect(asRunElapsedMs(events, 1000 * MINUTE)).toBe(60 * MINUTE);
  });

  test('a rollback sets the time to the state that was restored, and only later credits count on top', () => {
    const events = clockOf(
      [0, { kind: 'started' }],
      [50, { kind: 'adjusted', creditMs: 10 * MINUTE, reason: 'a' }],
      [100, { kind: 'rollback', toElapsedMs: 60 * MINUTE, reason: 'lost sandbox' }],
      [105, { kind: 'adjusted', creditMs: 2 * MINUTE, reason: 'b' }],
      [106, outage(90, 104)],
    );
    expect(minutes(events, 120)).toBe(60 + 20 - 2 - 4);
    expect(asRunElapsedMs(events, 120 * MINUTE)).toBe(120 * MINUTE);
  });

  test('an expiry that comes late does not add to the time', () => {
    const events = clockOf([0, { kind: 'started' }], [481, { kind: 'expired' }]);
    expect(minutes(events, 2000)).toBe(480);
    expect(remainingMs(events, 2000 * MINUTE, LIMITS.limitMs)).toBe(0);
  });

  test('time given back before it was used shows as more than the limit, and runs from there', () => {
    const events = clockOf([0, { kind: 'started' }], [1, { kind: 'adjusted', creditMs: 5 * MINUTE, reason: 'late room' }]);
    expect(minutes(events, 2)).toBe(0);
    expect(remainingMs(events, 2 * MINUTE, LIMITS.limitMs)).toBe(483 * MINUTE);
    expect(deadlineMs(events, 2 * MINUTE, LIMITS.limitMs)).toBe(485 * MINUTE);
  });

  test('an attempt voided while it ran shows the time of that moment for good', () => {
    const events = clockOf([0, { kind: 'started' }]);
    const figures = clockFigures({ state: 'void', events, limits: LIMITS, endedAtMs: 30 * MINUTE }, 90 * MINUTE);
    expect(figures).toMatchObject({ elapsedMs: 30 * MINUTE, running: false });
  });
});

describe('any legal history', () => {
  type Step = { afterMs: number; body: ClockEventBody };
  const span = fc.integer({ min: 0, max: 40 * MINUTE });
  const body: fc.Arbitrary<ClockEventBody> = fc.oneof(
    fc.constantFrom<ClockEventBody>(
      paused(),
      paused('awaiting_staff'),
      { kind: 'resumed' },
      { kind: 'scoring_started', scoreId: 'a' },
      { kind: 'scoring_ended', scoreId: 'a' },
      { kind: 'expired' },
      { kind: 'submitted' },
      { kind: 'stopped', reason: 'x' },
    ),
    fc.integer({ min: -20 * MINUTE, max: 60 * MINUTE }).map((creditMs): ClockEventBody => ({ kind: 'adjusted', creditMs, reason: 'x' })),
    fc
      .tuple(fc.integer({ min: 0, max: 600 * MINUTE }), span)
      .map(([fromMs, length]): ClockEventBody => ({ kind: 'outage', fromMs, toMs: fromMs + length, cause: 'x' })),
    fc.integer({ min: 0, max: 400 * MINUTE }).map((toElapsedMs): ClockEventBody => ({ kind: 'rollback', toElapsedMs, reason: 'x' })),
  );
  const steps: fc.Arbitrary<Step[]> = fc.array(fc.record({ afterMs: span, body }), { maxLength: 30 });

  /** Plays steps through the rules, leaving out what they refuse. */
  function play(history: Step[]): { events: ClockEvent[]; state: AttemptState; nowMs: number } {
    const events: ClockEvent[] = [{ kind: 'started', n: 1, atMs: 0, by: null }];
    let state: AttemptState = 'running';
    let nowMs = 0;
    for (const step of history) {
      nowMs += step.afterMs;
      try {
        state = applyClockEvent(state, events, step.body, LIMITS, nowMs).next;
        events.push({ ...step.body, n: events.length + 1, atMs: nowMs, by: null } as ClockEvent);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
      }
    }
    return { events, state, nowMs };
  }

  test('elapsed time never goes back as time goes on, is never negative and never over the limit', () => {
    fc.assert(
      fc.property(steps, fc.array(span, { minLength: 2, maxLength: 6 }), (history, waits) => {
        const { events, nowMs } = play(history);
        let atMs = nowMs;
        let beforeMs = 0;
        for (const wait of waits) {
          atMs += wait;
          const current = elapsedMs(events, atMs, LIMITS.limitMs);
          expect(current).toBeGreaterThanOrEqual(beforeMs);
          expect(current).toBeLessThanOrEqual(LIMITS.limitMs);
          expect(current - beforeMs <= wait || beforeMs === 0).toBe(true);
          beforeMs = current;
        }
      }),
    );
  });

  test('the deadline is exactly when nothing remains: one millisecond earlier something does', () => {
    fc.assert(
      fc.property(steps, (history) => {
        const { events, state, nowMs } = play(history);
        const atMs = deadlineMs(events, nowMs, LIMITS.limitMs);
        expect(atMs !== null).toBe(isClockRunning(events));
        if (atMs === null) return;
        expect(['running', 'paused']).toContain(state);
        expect(remainingMs(events, Math.max(atMs, nowMs), LIMITS.limitMs)).toBe(0);
        // Only future readings mean anything: an outage may still be noted for the past.
        if (atMs - 1 >= nowMs) expect(remainingMs(events, atMs - 1, LIMITS.limitMs)).toBe(1);
      }),
    );
  });

  test('elapsed and remaining add up to the limit wherever neither is cut', () => {
    fc.assert(
      fc.property(steps, (history) => {
        const { events, nowMs } = play(history);
        const elapsed = elapsedMs(events, nowMs, LIMITS.limitMs);
        if (elapsed > 0) expect(elapsed + remainingMs(events, nowMs, LIMITS.limitMs)).toBe(LIMITS.limitMs);
      }),
    );
  });

  test('outages and credits count the same in whatever order they were noted', () => {
    const corrections = fc.array(
      fc.oneof(
        fc.integer({ min: 1, max: 9 * MINUTE }).map((creditMs): ClockEventBody => ({ kind: 'adjusted', creditMs, reason: 'x' })),
        fc
          .tuple(fc.integer({ min: 0, max: 90 * MINUTE }), span)
          .map(([fromMs, length]): ClockEventBody => ({ kind: 'outage', fromMs, toMs: fromMs + length, cause: 'x' })),
      ),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(corrections, fc.integer({ min: 130 * MINUTE, max: 900 * MINUTE }), (bodies, nowMs) => {
        const withBodies = (list: ClockEventBody[]): ClockEvent[] =>
          clockOf(
            [0, { kind: 'started' }],
            [20, paused()],
            [35, { kind: 'resumed' }],
            ...list.map((b): [number, ClockEventBody] => [130, b]),
          );
        expect(elapsedMs(withBodies([...bodies].reverse()), nowMs)).toBe(elapsedMs(withBodies(bodies), nowMs));
      }),
    );
  });

  test('what is given back is never more than the sum of its parts', () => {
    fc.assert(
      fc.property(steps, (history) => {
        const { events, nowMs } = play(history.filter((step) => step.body.kind !== 'rollback' && step.body.kind !== 'adjusted'));
        const outages = events.reduce((sum, event) => (event.kind === 'outage' ? sum + event.toMs - event.fromMs : sum), 0);
        expect(asRunElapsedMs(events, nowMs) - elapsedMs(events, nowMs)).toBeLessThanOrEqual(outages);
        expect(asRunElapsedMs(events, nowMs)).toBeGreaterThanOrEqual(elapsedMs(events, nowMs));
      }),
    );
  });

  test('pauses stay within their caps', () => {
    fc.assert(
      fc.property(steps, (history) => {
        const { events, nowMs } = play(history);
        const allowance = pauseAllowance(events, LIMITS, nowMs);
        expect(allowance.pausesUsed).toBeLessThanOrEqual(LIMITS.maxPauses);
        expect(allowance.usedMs).toBeGreaterThanOrEqual(0);
        expect(allowance.usedMs).toBeLessThanOrEqual(LIMITS.maxPauseTotalMs);
      }),
    );
  });
});
