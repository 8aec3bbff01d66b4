import type { AttemptState } from './attemptState.ts';
import { isUnderWay } from './attemptState.ts';
import type { ClockEvent, ClockLimits } from './clock.ts';
import { elapsedMs, isClockRunning, remainingMs } from './elapsed.ts';
import { isHibernating, openHibernation } from './hibernation.ts';
import { pauseAllowance } from './pauses.ts';

/** What a clock on a screen, or a runner, needs to know. Durations in milliseconds. */
export interface ClockFigures {
  /** The number of the last clock event; a view with a lower one is stale. */
  n: number;
  state: AttemptState;
  elapsedMs: number;
  remainingMs: number;
  limitMs: number;
  running: boolean;
  serverNowMs: number;
  pausesLeft: number;
  pauseLeftMs: number;
  /** How long until the platform ends the open pause; null without one, or without a cap. */
  pauseEndsInMs: number | null;
  /** Of an open hibernation: when it is over and the pause begins to count, on the same clock as `serverNowMs`; else null. */
  wakesAtMs: number | null;
  /** The attempt has given its machine back and does not want one yet. */
  hibernating: boolean;
}

/**
 * The clock of an attempt as it stands at `nowMs`. `endedAtMs` stops it for an attempt that was voided or withdrawn while
 * it ran, which no clock event says.
 */
export function clockFigures(
  attempt: { state: AttemptState; events: readonly ClockEvent[]; limits: ClockLimits; endedAtMs?: number | null },
  nowMs: number,
): ClockFigures {
  const { state, events, limits } = attempt;
  const atMs = Math.min(nowMs, attempt.endedAtMs ?? Number.POSITIVE_INFINITY);
  const pauses = pauseAllowance(events, limits, atMs);
  const endsAtMs = isUnderWay(state) ? (pauses.open?.endsAtMs ?? null) : null;
  return {
    n: events.at(-1)?.n ?? 0,
    state,
    elapsedMs: elapsedMs(events, atMs, limits.limitMs),
    remainingMs: remainingMs(events, atMs, limits.limitMs),
    limitMs: limits.limitMs,
    running: isUnderWay(state) && isClockRunning(events),
    serverNowMs: nowMs,
    pausesLeft: pauses.pausesLeft,
    pauseLeftMs: pauses.leftMs,
    pauseEndsInMs: endsAtMs === null ? null : Math.max(0, endsAtMs - nowMs),
    wakesAtMs: state === 'paused' ? (openHibernation(events)?.wakesAtMs ?? null) : null,
    hibernating: state === 'paused' && isHibernating(events, nowMs),
  };
}
