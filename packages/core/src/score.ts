/** Which score of an attempt counts, and what it is worth. A NaN is a status here, never a number. */

export const SCORE_TRIGGERS = ['start', 'participant', 'periodic', 'final', 'clean', 'retro'] as const;
export type ScoreTrigger = (typeof SCORE_TRIGGERS)[number];

/**
 * Triggers whose rows may count. `start` is the starting solution's own score, `clean` and `retro` score again what another
 * row already scored.
 */
export const ELIGIBLE_TRIGGERS = ['participant', 'periodic', 'final'] as const satisfies readonly ScoreTrigger[];

export interface ScoreSettings {
  direction: 'lower' | 'higher';
  aggregation: 'best' | 'last';
  /** Null where none is published: scores then have no scale and are shown raw. */
  startingScore: number | null;
  referenceScore: number | null;
}

/** The part of a score row that these rules read. */
export interface CountableRow {
  n: number;
  trigger: string;
  status: string;
  score: number | null;
  rolledBack?: boolean;
}

/** Whether a row has a valid number. */
export function isValidScore<R extends { status: string; score: number | null }>(row: R): row is R & { score: number } {
  return row.status === 'scored' && row.score !== null && Number.isFinite(row.score);
}

/** Whether a row may be the one that counts. */
export function isEligible(row: CountableRow): boolean {
  return (ELIGIBLE_TRIGGERS as readonly string[]).includes(row.trigger) && row.rolledBack !== true && isValidScore(row);
}

/** Whether one raw score is strictly better than another in this direction. */
export function isBetter(a: number, b: number, direction: ScoreSettings['direction']): boolean {
  return direction === 'lower' ? a < b : a > b;
}

/**
 * The row that counts: the best, or the last valid one, as the environment says. Of equal ones the earliest, so that scoring
 * again gains nothing. Null where no row is valid; never zero, which may be a better score than the reference.
 */
export function rowThatCounts<R extends CountableRow>(
  rows: readonly R[],
  settings: Pick<ScoreSettings, 'direction' | 'aggregation'>,
): R | null {
  const eligible = rows.filter(isEligible).sort((a, b) => a.n - b.n);
  if (settings.aggregation === 'last') return eligible.at(-1) ?? null;
  let best: R | null = null;
  for (const row of eligible) {
    if (best === null || isBetter(row.score as number, best.score as number, settings.direction)) best = row;
  }
  return best;
}

export interface NormalisedScore {
  raw: number | null;
  /** (raw − starting) / (reference − starting), which is right in both directions; null without a valid score. */
  unclipped: number | null;
  /** What is reported: never below 0, and 0 where there is no valid score; null where the environment has no scale. */
  value: number | null;
}

type Scale = Pick<ScoreSettings, 'startingScore' | 'referenceScore'>;

/** How far the reference lies from the start; null where that makes no scale. */
function spanOf({ startingScore, referenceScore }: Scale): number | null {
  if (startingScore === null || referenceScore === null) return null;
  const span = referenceScore - startingScore;
  return span === 0 || !Number.isFinite(span) ? null : span;
}

/** The two raw scores that normalise to 0 and to 1; null where the environment has no scale. */
export function scaleEnds({ startingScore, referenceScore }: Scale): { startingScore: number; referenceScore: number } | null {
  return startingScore === null || referenceScore === null ? null : { startingScore, referenceScore };
}

/** A raw score on the scale where the starting solution is 0 and the reference 1. */
export function normalise(raw: number | null, settings: Scale): NormalisedScore {
  const span = spanOf(settings);
  const valid = raw !== null && Number.isFinite(raw) ? raw : null;
  if (span === null) return { raw: valid, unclipped: null, value: null };
  if (valid === null) return { raw: null, unclipped: null, value: 0 };
  const unclipped = (valid - (settings.startingScore as number)) / span;
  return { raw: valid, unclipped, value: Math.max(0, unclipped) };
}

/** What is told of a score to somebody, beside its message. */
export interface ToldScore {
  status: string;
  score: number | null;
  normalised: number | null;
  eligible: boolean;
}

/**
 * A score as it is told to whoever may see its number, or may not. Of a hidden one it is not told either whether it has one: where a
 * scorer refuses some solutions a number, that is half of the answer. That its scorer failed is told, so that one can score again.
 */
export function scoreAsTold(row: CountableRow, settings: Scale, visible: boolean): ToldScore {
  if (visible) {
    const normalised = row.score === null ? null : normalise(row.score, settings).value;
    return { status: row.status, score: row.score, normalised, eligible: isEligible(row) };
  }
  const asRecorded = row.status === 'nan' ? { ...row, status: 'scored', score: 0 } : row;
  return { status: asRecorded.status, score: null, normalised: null, eligible: isEligible(asRecorded) };
}

export interface CleanSummary {
  /** How many clean re-scores have finished, and how many of them gave a number. */
  finished: number;
  valid: number;
  mean: number | null;
  /** Sample standard deviation; null below two valid ones. */
  sd: number | null;
  logged: number;
  /** True where the re-scores do not bear out the logged score: one was not valid, or their mean is too far from it. */
  disagrees: boolean;
}

/**
 * The clean re-scores of one row. They disagree with the log where any finished without a number, or where the mean is further
 * from the logged score than three standard deviations and than 2 % of the way from the starting score to the reference (of
 * the logged score, without a scale): the second keeps a scorer without noise from flagging a rounding error, the first a
 * noisy one from flagging its noise.
 */
export function cleanSummary(logged: number, rows: readonly { status: string; score: number | null }[], settings: Scale): CleanSummary {
  const finished = rows.filter((row) => row.status !== 'running' && row.status !== 'cancelled');
  const values = finished.filter(isValidScore).map((row) => row.score);
  const mean = values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
  const sd =
    mean === null || values.length < 2
      ? null
      : Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
  const tolerance = Math.max(3 * (sd ?? 0), 0.02 * Math.abs(spanOf(settings) ?? logged));
  const disagrees = values.length < finished.length || (mean !== null && Math.abs(mean - logged) > tolerance);
  return { finished: finished.length, valid: values.length, mean, sd, logged, disagrees };
}

/** Everything that a page or an export says about the result of an attempt. */
export interface AttemptResult<R extends CountableRow> {
  counts: R | null;
  /** The best of the log, beside the number that counts. */
  logged: NormalisedScore;
  clean: CleanSummary | null;
  /** The number that counts: the mean of the clean re-scores where there are any, else the logged score. */
  result: NormalisedScore;
}

/** The result of an attempt from its score rows. `ofScoreId` of a clean row names the row it scored again. */
export function attemptResult<R extends CountableRow & { id: string; ofScoreId?: string | null }>(
  rows: readonly R[],
  settings: ScoreSettings,
): AttemptResult<R> {
  const counts = rowThatCounts(rows, settings);
  const logged = normalise(counts?.score ?? null, settings);
  const isClean = (row: R) => row.trigger === 'clean' && row.status !== 'cancelled' && row.ofScoreId === counts?.id;
  const cleanRows = counts === null ? [] : rows.filter(isClean);
  const clean = counts === null || cleanRows.length === 0 ? null : cleanSummary(counts.score as number, cleanRows, settings);
  return { counts, logged, clean, result: clean === null || clean.mean === null ? logged : normalise(clean.mean, settings) };
}
