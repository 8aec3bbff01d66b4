import { type AttemptState, canMove, isUnderWay } from './attemptState.ts';
import type { ClockEvent, ClockEventBody, ClockLimits, PauseReason } from './clock.ts';
import { elapsedMs, endEvent, openScoringId, remainingMs } from './elapsed.ts';
import { AppError } from './errors.ts';
import { HIBERNATE_MAX_MS, HIBERNATE_MIN_MS, isHibernating } from './hibernation.ts';
import { isCapped, pauseAllowance } from './pauses.ts';

/** Corrections may still be made after the end; they change figures and never reopen the attempt. */
const CORRECTABLE: readonly AttemptState[] = ['running', 'paused', 'finalising', 'completed'];

/** Whether the clock of an attempt in this state can still be corrected. */
export function isCorrectable(state: AttemptState): boolean {
  return CORRECTABLE.includes(state);
}

/** A correction larger than this is a slip of the hand: no attempt is that long. */
const MAX_CREDIT_MS = 24 * 3_600_000;

export interface ClockEventOptions {
  /** How much time may still be left for `expired` to be taken. */
  ifRemainingAtMostMs?: number;
}

/**
 * Whether an attempt may take a clock event now, and the state it is in afterwards.
 *
 * @throws AppError `conflict` where the event does not fit what has happened, `clock_not_running` where it needs a running
 *   clock, `time_expired` where the limit has been reached, `invalid_input` where its figures make no sense.
 */
export function applyClockEvent(
  state: AttemptState,
  events: readonly ClockEvent[],
  body: ClockEventBody,
  limits: ClockLimits,
  nowMs: number,
  options: ClockEventOptions = {},
): { next: AttemptState } {
  const leftMs = remainingMs(events, nowMs, limits.limitMs);
  switch (body.kind) {
    case 'started':
      if (isUnderWay(state) || state === 'finalising' || state === 'completed') {
        throw new AppError('conflict', 'This attempt has already been started.');
      }
      if (state !== 'ready') throw new AppError('conflict', 'The sandbox is not ready yet. Wait until it is, then start the clock.');
      return moved(state, 'running');

    case 'paused':
      requireRunning(state, events);
      requireTimeLeft(leftMs);
      if (openScoringId(events) !== null) {
        throw new AppError('conflict', 'A score is running. Wait until it has finished, or cancel it, and pause then.');
      }
      if (body.reason === 'hibernate') requireBooking(body.resumeAtMs, nowMs);
      else if (body.resumeAtMs !== undefined) throw new AppError('invalid_input', 'Only a hibernation books a time to come back.');
      if (isCapped(body.reason)) requirePauseLeft(events, limits, nowMs, body.reason);
      return moved(state, 'paused');

    case 'resumed':
      requireNotEnded(state, events);
      if (state !== 'paused') throw new AppError('conflict', 'The clock is not paused, so it cannot be resumed.');
      requireTimeLeft(leftMs);
      return moved(state, 'running');

    case 'woken':
      requireNotEnded(state, events);
      if (!isHibernating(events, nowMs)) throw new AppError('conflict', 'The attempt does not hibernate, so it cannot be woken.');
      return { next: state };

    case 'scoring_started':
      requireRunning(state, events);
      requireTimeLeft(leftMs);
      if (openScoringId(events) !== null) throw new AppError('conflict', 'Another score is running. One runs at a time.');
      return { next: state };

    case 'scoring_ended':
      if (openScoringId(events) !== body.scoreId) throw new AppError('conflict', 'The clock does not stand still for this score.');
      return { next: state };

    case 'adjusted':
      requireCorrectable(state);
      if (!Number.isInteger(body.creditMs) || body.creditMs === 0 || Math.abs(body.creditMs) > MAX_CREDIT_MS) {
        throw new AppError('invalid_input', 'An adjustment is a whole number of milliseconds other than zero, and at most 24 hours.');
      }
      if (body.reason.trim() === '') throw new AppError('invalid_input', 'An adjustment needs a reason.');
      return { next: state };

    case 'outage':
      requireCorrectable(state);
      if (!Number.isFinite(body.fromMs) || !Number.isFinite(body.toMs) || body.toMs <= body.fromMs || body.toMs > nowMs) {
        throw new AppError('invalid_input', 'An outage ends after it began, and not in the future.');
      }
      return { next: state };

    case 'rollback':
      requireNotEnded(state, events);
      if (!isUnderWay(state)) throw new AppError('conflict', 'Only an attempt that is under way can be rolled back.');
      if (!Number.isFinite(body.toElapsedMs) || body.toElapsedMs < 0 || body.toElapsedMs > elapsedMs(events, nowMs, limits.limitMs)) {
        throw new AppError('invalid_input', 'A rollback goes to a time that the clock has already shown.');
      }
      return { next: state };

    case 'submitted':
      requireRunning(state, events);
      requireTimeLeft(leftMs);
      return moved(state, 'finalising');

    case 'expired':
      requireNotEnded(state, events);
      if (!isUnderWay(state)) throw new AppError('conflict', 'This attempt is not under way, so its time cannot run out.');
      if (leftMs > (options.ifRemainingAtMostMs ?? 0)) throw new AppError('conflict', 'There is still time left on the clock.');
      return moved(state, 'finalising');

    case 'stopped':
      requireNotEnded(state, events);
      if (!isUnderWay(state)) throw new AppError('conflict', 'Only an attempt that is under way can be stopped.');
      if (body.reason.trim() === '') throw new AppError('invalid_input', 'Stopping an attempt needs a reason.');
      return moved(state, 'finalising');
  }
}

function moved(from: AttemptState, to: AttemptState): { next: AttemptState } {
  if (!canMove(from, to)) throw new AppError('conflict', `An attempt cannot go from ${from} to ${to}.`);
  return { next: to };
}

const ENDED_MESSAGES: Record<string, string> = {
  submitted: 'This attempt has already been submitted.',
  expired: 'This attempt has already ended: its time ran out.',
  stopped: 'This attempt has already ended: staff stopped it.',
};

function requireNotEnded(state: AttemptState, events: readonly ClockEvent[]): void {
  if (state === 'finalising' || state === 'completed') {
    throw new AppError('conflict', ENDED_MESSAGES[endEvent(events)?.kind ?? ''] ?? 'This attempt has already ended.');
  }
  if (state === 'void' || state === 'withdrawn') throw new AppError('conflict', 'This attempt has been closed.');
}

function requireRunning(state: AttemptState, events: readonly ClockEvent[]): void {
  requireNotEnded(state, events);
  if (state === 'paused') throw new AppError('clock_not_running', 'The clock is paused. Resume it first.');
  if (state !== 'running') throw new AppError('clock_not_running', 'The clock has not been started yet.');
}

function requireTimeLeft(leftMs: number): void {
  if (leftMs <= 0)
    throw new AppError('time_expired', 'The time for this attempt is over. What is in the workspace is scored as it stands.');
}

function requireCorrectable(state: AttemptState): void {
  if (!isCorrectable(state))
    throw new AppError('conflict', 'The clock of this attempt cannot be corrected: it never ran, or the attempt was closed.');
}

function requireBooking(resumeAtMs: number | undefined, nowMs: number): void {
  const inMs = (resumeAtMs ?? Number.NaN) - nowMs;
  if (inMs >= HIBERNATE_MIN_MS && inMs <= HIBERNATE_MAX_MS) return;
  throw new AppError(
    'invalid_input',
    `Book a time between ${HIBERNATE_MIN_MS / 60_000} minutes and ${HIBERNATE_MAX_MS / 3_600_000} hours from now.`,
  );
}

function requirePauseLeft(events: readonly ClockEvent[], limits: ClockLimits, nowMs: number, reason: PauseReason): void {
  const pauses = pauseAllowance(events, limits, nowMs);
  if (pauses.pausesLeft <= 0) throw new AppError('conflict', `All ${limits.maxPauses} pauses of this attempt have been used.`);
  // A hibernation uses pause time only after the time that was booked.
  if (reason !== 'hibernate' && pauses.leftMs <= 0) throw new AppError('conflict', 'The time allowed for pauses has been used up.');
}
