/** Finds paths by letters that occur in them in order, the best first: in the file's name, at starts of words, in a row. */
export function fuzzyFind(typed: string, paths: readonly string[], most: number): string[] {
  const letters = typed.toLowerCase().replaceAll(' ', '');
  const scored: { path: string; score: number }[] = [];
  for (const path of paths) {
    const score = scoreOf(letters, path);
    if (score > 0) scored.push({ path, score });
  }
  scored.sort((a, b) => b.score - a.score || a.path.length - b.path.length || (a.path < b.path ? -1 : 1));
  return scored.slice(0, most).map(({ path }) => path);
}

const BOUNDARY = /[/_\-. ]/;

/** 0 where the letters do not occur in order. Read from the end, so that the file's name is matched before its folders. */
function scoreOf(letters: string, path: string): number {
  const lower = path.toLowerCase();
  const nameAt = lower.lastIndexOf('/') + 1;
  const inName = lower.indexOf(letters, nameAt);
  if (inName >= 0) return 1_000 + (inName === nameAt ? 500 : 0) + (lower.length - nameAt === letters.length ? 500 : 0);
  let score = 1;
  let at = lower.length;
  let run = 0;
  for (let i = letters.length - 1; i >= 0; i -= 1) {
    const found = lower.lastIndexOf(letters[i] as string, at - 1);
    if (found < 0 || at === 0) return 0;
    run = found === at - 1 ? run + 1 : 0;
    score += 1 + 2 * run + (found >= nameAt ? 5 : 0) + (found === 0 || BOUNDARY.test(lower[found - 1] as string) ? 4 : 0);
    at = found;
  }
  return score;
}
