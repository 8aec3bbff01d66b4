import { type ClockEvent, type ClockLimits, type PauseReason, UNCAPPED_PAUSE_REASONS } from './clock.ts';
import { endEvent } from './elapsed.ts';

/** What an attempt has used of its pauses, and when the open one ends by itself. Times in milliseconds. */
export interface PauseAllowance {
  pausesUsed: number;
  pausesLeft: number;
  usedMs: number;
  leftMs: number;
  open: {
    reason: PauseReason;
    sinceMs: number;
    /** From when on it uses up the allowance: at once, or once a hibernation is over. */
    countsFromMs: number;
    /** When the platform resumes; null for a pause without a cap. */
    endsAtMs: number | null;
  } | null;
}

/** Whether a pause for this reason counts towards the caps. */
export function isCapped(reason: PauseReason): boolean {
  return !(UNCAPPED_PAUSE_REASONS as readonly PauseReason[]).includes(reason);
}

/**
 * The pauses of an attempt against what its study allows. A pause that runs counts up to `nowMs`; one that outlived its cap
 * because nobody ended it counts no more than the cap, so that a late platform costs the participant nothing.
 */
export function pauseAllowance(events: readonly ClockEvent[], limits: ClockLimits, nowMs: number): PauseAllowance {
  const endMs = endEvent(events)?.atMs ?? Number.POSITIVE_INFINITY;
  let pausesUsed = 0;
  let usedMs = 0;
  let open: PauseAllowance['open'] = null;
  const close = (atMs: number): void => {
    if (open === null || open.endsAtMs === null) return;
    usedMs += Math.max(0, Math.min(atMs, endMs, open.endsAtMs) - open.countsFromMs);
  };
  for (const event of events) {
    if (event.kind === 'paused' && open === null) {
      const capped = isCapped(event.reason);
      if (capped) pausesUsed += 1;
      const capMs = Math.max(0, Math.min(limits.maxPauseMs, limits.maxPauseTotalMs - usedMs));
      const countsFromMs = event.reason === 'hibernate' ? (event.resumeAtMs ?? event.atMs) : event.atMs;
      open = { reason: event.reason, sinceMs: event.atMs, countsFromMs, endsAtMs: capped ? countsFromMs + capMs : null };
    }
    if (event.kind === 'woken' && open !== null && open.endsAtMs !== null && event.atMs < open.countsFromMs) {
      open = { ...open, countsFromMs: event.atMs, endsAtMs: open.endsAtMs - (open.countsFromMs - event.atMs) };
    }
    if (event.kind === 'resumed' && open !== null) {
      close(event.atMs);
      open = null;
    }
  }
  close(nowMs);
  if (endMs !== Number.POSITIVE_INFINITY) open = null;
  return {
    pausesUsed,
    pausesLeft: Math.max(0, limits.maxPauses - pausesUsed),
    usedMs,
    leftMs: Math.max(0, limits.maxPauseTotalMs - usedMs),
    open,
  };
}

/** When the open pause reaches its cap and the platform resumes, in milliseconds since the epoch; null if none will. */
export function pauseEndsAtMs(events: readonly ClockEvent[], limits: ClockLimits, nowMs: number): number | null {
  return pauseAllowance(events, limits, nowMs).open?.endsAtMs ?? null;
}
