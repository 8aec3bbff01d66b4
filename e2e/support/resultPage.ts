import { expect, type Page } from '@playwright/test';
import type { AttemptRow, ScoreTableRow } from '@plumbline/datasets';

/** How the page calls what the export names in one word. */
const TRIGGERS: Record<string, string> = {
  'Starting solution': 'start',
  'Asked for': 'participant',
  Periodic: 'periodic',
  'Final state': 'final',
  'Clean re-score': 'clean',
  'Scored afterwards': 'retro',
};
const ENDINGS: Record<string, string> = { submitted: 'Submitted by the participant', expired: 'The time was up' };

const SPAN_UNITS_MS: Record<string, number> = { h: 3_600_000, min: 60_000, s: 1_000 };

interface ShownScore {
  n: number;
  trigger: string | undefined;
  counts: boolean;
  onTheClock: string;
  isScored: boolean;
  score: string;
  normalised: string;
  took: string;
}

interface ShownClockEvent {
  onTheClock: string;
  words: string;
  /** As the export writes a time. */
  at: string;
}

/** What the page of a complete attempt says of it. */
export interface ShownResult {
  facts: Record<string, string>;
  scores: ShownScore[];
  clock: ShownClockEvent[];
}

/** Reads the page of an attempt once that is complete. */
export async function readResultPage(page: Page): Promise<ShownResult> {
  const table = page.getByRole('region', { name: 'Scores' }).getByRole('table');
  await expect(table).toBeVisible({ timeout: 240_000 });
  const facts = page.locator('dl').filter({ hasText: 'Time on the clock' }).locator('div');
  const pairs = await facts.evaluateAll((divs) =>
    divs.map((div) => ['dt', 'dd'].map((name) => div.querySelector(name)?.textContent ?? '')),
  );
  const rows = await table.locator('tbody tr').evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.textContent)));
  const events = page.getByRole('list').filter({ hasText: 'The clock started.' }).getByRole('listitem');
  return {
    facts: Object.fromEntries(pairs),
    scores: rows.map(([n = '', kind = '', onTheClock = '', outcome, score = '', normalised = '', took = '']) => ({
      n: Number(n),
      trigger: TRIGGERS[kind.replace(/Counts$/, '')],
      counts: kind.endsWith('Counts'),
      onTheClock,
      isScored: outcome === 'Scored',
      score,
      normalised,
      took,
    })),
    clock: await events.evaluateAll((items) =>
      items.map((item) => ({
        onTheClock: item.children[0]?.textContent ?? '',
        words: item.children[1]?.textContent ?? '',
        at: item.querySelector('time')?.dateTime ?? '',
      })),
    ),
  };
}

/** Each row of an export about one attempt says what its page says, to the last digit that the page shows. */
export function expectSameResult(shown: ShownResult, attempt: AttemptRow, scores: readonly ScoreTableRow[]): void {
  expect(shown.scores).toEqual(
    scores.map((row) => ({
      n: row.n,
      trigger: row.trigger,
      counts: row.counts,
      onTheClock: clockText(row.elapsed_ms),
      isScored: row.status === 'scored',
      score: scoreText(row.score),
      normalised: normalisedText(row.normalised),
      took: `${(Number(row.duration_ms) / 1_000).toFixed(1)} s`,
    })),
  );
  const rescores = scores.filter(({ trigger, of_n }) => trigger === 'clean' && of_n === attempt.logged_score_n);
  const sd = attempt.clean_sd === null ? '' : ` ± ${scoreText(attempt.clean_sd)}`;
  const clean = `${scoreText(attempt.clean_mean)}${sd} (${attempt.clean_scores} of ${rescores.length})`;
  expect(shown.facts).toMatchObject({
    'Ended by': ENDINGS[String(attempt.end_reason)],
    'Time on the clock': `${clockText(attempt.elapsed_ms)} of ${clockText(attempt.limit_ms)}`,
    'Time as it ran': clockText(attempt.elapsed_as_run_ms),
    'Score that counts': scoreText(attempt.score),
    Normalised: normalisedText(attempt.normalised),
    [attempt.aggregation === 'best' ? 'Best logged' : 'Last logged']: scoreText(attempt.logged_score),
    'Clean re-scores': `${clean}${attempt.clean_disagrees ? ', disagree' : ''}`,
  });
  const { clock } = shown;
  expect(clock[0]?.at).toBe(attempt.started_at);
  expect(clock.at(-1)).toMatchObject({ at: attempt.ended_at, onTheClock: clockText(attempt.elapsed_ms) });
  // Staff may correct the clock in a pause.
  const resumedAt = (n: number) => clock.slice(n).find(({ words }) => words.startsWith('Resumed'))?.at;
  const pauses = clock.flatMap(({ words, at }, n) => (words.startsWith('Paused') ? [msBetween(at, resumedAt(n))] : []));
  const outages = clock.flatMap(({ words }) => spanMs(/was away for (.+); this time was given back/.exec(words)?.[1]));
  const credits = clock.flatMap(({ words }) => spanMs(/^([^;]+) given back/.exec(words)?.[1]));
  expect(attempt).toMatchObject({ pauses: pauses.length, paused_ms: sum(pauses), outages: outages.length, credit_ms: sum(credits) });
  // Each is shown to the second.
  expect(Math.abs(Number(attempt.outage_ms) - sum(outages))).toBeLessThanOrEqual(500 * outages.length);
}

/** As `1:02:03`: whole seconds that are over. */
function clockText(ms: unknown): string {
  const seconds = Math.floor(Number(ms) / 1_000);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${Math.floor(seconds / 3_600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** Four decimals, without zeros at the end. */
const scoreText = (score: unknown) => (score === null ? '–' : String(Number(Number(score).toFixed(4))));

const normalisedText = (value: unknown) => (value === null ? '–' : Number(value).toFixed(3));

/** Of a span in words, as `1 h 30 min`; none for none. */
function spanMs(words: string | undefined): number[] {
  if (words === undefined) return [];
  return [sum([...words.matchAll(/(\d+) (h|min|s)/g)].map(([, count, unit = '']) => Number(count) * (SPAN_UNITS_MS[unit] ?? Number.NaN)))];
}

const msBetween = (from: string, to: string | undefined) => Date.parse(to ?? '') - Date.parse(from);

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
