/** Remaining times at which the participant is warned, longest first. */
export const WARNINGS_MS = [60 * 60_000, 15 * 60_000, 5 * 60_000] as const;

/**
 * The warnings that fall due as the remaining time goes from one value to another, longest first. An attempt shorter than
 * a warning never gets it, and time given back brings one again when it is passed again.
 */
export function warningsCrossed(fromRemainingMs: number, toRemainingMs: number, limitMs: number): number[] {
  return WARNINGS_MS.filter((warningMs) => warningMs < limitMs && fromRemainingMs > warningMs && toRemainingMs <= warningMs);
}

/** The warning that was passed last, as remaining milliseconds; null while none was. */
export function lastWarningMs(remainingMs: number, limitMs: number): number | null {
  return WARNINGS_MS.findLast((warningMs) => warningMs < limitMs && remainingMs <= warningMs) ?? null;
}

/** The next warning ahead, as remaining milliseconds; null when none is left. */
export function nextWarningMs(remainingMs: number, limitMs: number): number | null {
  return WARNINGS_MS.find((warningMs) => warningMs < limitMs && warningMs < remainingMs) ?? null;
}
