import { ask, QUESTION_TIMEOUT_MS, why } from './environmentScore.ts';
import type { Family } from './family.ts';
import type { FamilyHost } from './familyHost.ts';
import type { TaskDefinition } from './manifest.ts';
import type { ScoreLogEntry } from './taskHost.ts';

/**
 * Whether a family's own `aggregate_scores()` takes of a log the row that the platform takes. The platform goes by the settings
 * alone, so that a direction which nobody wrote down would count the worst score of an attempt in silence.
 */

/** Of its valid scores the lowest, the highest and the last are three. */
const EXAMPLE = [2, null, 1, 3, 2.5];

/** A score log a minute apart; `null` is a NaN. */
export function exampleLog(scores: readonly (number | null)[]): ScoreLogEntry[] {
  return scores.map((score, index) => ({
    index,
    score,
    message: {},
    details: {},
    scoredAt: new Date(1_700_000_000_000 + index * 60_000).toISOString(),
    elapsedMs: index * 60_000,
  }));
}

export interface AggregationDisagreement {
  problem: string;
  /** The settings that would say what the family does; null where none would, or where it gave no answer. */
  remedy: string | null;
}

/** Asks the family for the number that a log comes to; null where that is the one of its settings. */
export async function aggregationDisagreement(
  at: { family: Family; host: FamilyHost },
  { name, settings }: TaskDefinition,
): Promise<AggregationDisagreement | null> {
  const { aggregation, direction } = settings;
  const numbers = EXAMPLE.filter((score): score is number => score !== null);
  const last = numbers.at(-1) as number;
  const wanted = aggregation === 'last' ? last : direction === 'lower' ? Math.min(...numbers) : Math.max(...numbers);
  const got = await ask(at, 'aggregate_scores', { task: name, scoreLog: exampleLog(EXAMPLE) }, QUESTION_TIMEOUT_MS);
  if (!got.ok) return { problem: why(got), remedy: null };
  if (got.value === wanted) return null;
  const remedies: [number, string][] = [
    [Math.min(...numbers), 'direction: lower, aggregation: best'],
    [Math.max(...numbers), 'direction: higher, aggregation: best'],
    [last, 'aggregation: last'],
  ];
  return {
    problem: `of 2, NaN, 1, 3, 2.5 it gives ${got.value}; ${aggregation} with ${direction} being better is ${wanted}`,
    remedy: remedies.find(([value]) => value === got.value)?.[1] ?? null,
  };
}
