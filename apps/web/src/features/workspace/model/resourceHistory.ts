import type { ResourceUse } from './resourceUse.ts';

/** What the sandbox used over the last minutes, oldest first. */
export interface UsedAt {
  atMs: number;
  use: ResourceUse;
}

export const HISTORY_MS = 10 * 60_000;

/** With what is used now, and without what is older than the panel shows. A clock that went back begins anew. */
export function withUse(history: readonly UsedAt[], now: UsedAt): UsedAt[] {
  return [...history.filter(({ atMs }) => atMs < now.atMs && atMs >= now.atMs - HISTORY_MS), now];
}

/** One line of the panel: what is used now, and its course as shares of the most that there is, or was. */
export interface Course {
  label: string;
  now: string;
  points: { atMs: number; share: number }[];
}

/** The course of a value; null where the sandbox does not measure it. `most` is null where nothing bounds it. */
export function courseOf(
  history: readonly UsedAt[],
  label: string,
  measure: (use: ResourceUse) => number | null,
  words: (value: number) => string,
  most: number | null = null,
): Course | null {
  const values = history.flatMap(({ atMs, use }) => {
    const value = measure(use);
    return value === null ? [] : [{ atMs, value }];
  });
  const last = values.at(-1);
  if (!last || last.atMs !== history.at(-1)?.atMs) return null;
  const scale = most ?? Math.max(...values.map(({ value }) => value), 1);
  return {
    label,
    now: words(last.value),
    points: values.map(({ atMs, value }) => ({ atMs, share: Math.min(1, value / scale) })),
  };
}
