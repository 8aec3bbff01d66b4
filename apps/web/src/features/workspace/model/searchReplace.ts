import type { SearchQuery } from '@plumbline/protocol';

/** The query as the browser's own pattern: what replacing goes by. Null where it cannot be read. */
export function patternOf({ query, regex, caseSensitive, wholeWord }: SearchQuery): RegExp | null {
  const source = regex ? query : query.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  try {
    return new RegExp(wholeWord ? `\\b(?:${source})\\b` : source, caseSensitive ? 'gm' : 'gim');
  } catch {
    return null;
  }
}

/**
 * A text with every match replaced, and how many there were. With a pattern `$1` and `$&` in the replacement stand for
 * what was found, as everywhere; without one the replacement is taken as it is.
 */
export function replaceAll(text: string, query: SearchQuery, replacement: string): { text: string; count: number } {
  const pattern = patternOf(query);
  if (!pattern) return { text, count: 0 };
  const count = [...text.matchAll(pattern)].filter(([found]) => found !== '').length;
  if (count === 0) return { text, count };
  return { text: query.regex ? text.replace(pattern, replacement) : text.replace(pattern, () => replacement), count };
}
