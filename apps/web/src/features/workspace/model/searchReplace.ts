import type { SearchQuery, SearchResult } from '@plumbline/protocol';
import { ROOT } from './fileTree.ts';

/** What is searched for, and what is to stand in its place. */
export interface SearchWords {
  query: SearchQuery;
  replacement: string;
}

export const NO_SEARCH: SearchWords = {
  query: { query: '', regex: false, caseSensitive: false, wholeWord: false, include: '', exclude: '' },
  replacement: '',
};

/** Where a word begins or ends, as the sandbox's search sees it: letters and figures of all scripts are of words. */
const LETTER = '[\\p{L}\\p{N}_]';
const WORD_EDGE = `(?:(?<=${LETTER})(?!${LETTER})|(?<!${LETTER})(?=${LETTER}))`;

/** The query as the browser's own pattern: what replacing goes by. Null where it cannot be read. */
export function patternOf({ query, regex, caseSensitive, wholeWord }: SearchQuery): RegExp | null {
  const source = regex ? query : query.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const flags = caseSensitive ? 'gm' : 'gim';
  try {
    return new RegExp(wholeWord ? `${WORD_EDGE}(?:${source})${WORD_EDGE}` : source, `${flags}u`);
  } catch {
    // Strict as to what may be escaped, which the sandbox's search is not: the same pattern may do without.
  }
  try {
    return new RegExp(wholeWord ? `\\b(?:${source})\\b` : source, flags);
  } catch {
    return null;
  }
}

/** What a search includes to look into one folder alone: the pattern of all that is below it; none for the workspace itself. */
export function folderPattern(folder: string): string {
  if (folder === ROOT) return '';
  // A comma divides patterns, wherever it stands.
  return `${folder.replace(/[[*?]/g, '[$&]').replaceAll(',', '?')}/**`;
}

/** So much of a line before what was found leaves room for what was found in the narrowest panel. */
const BEFORE_MATCH_MAX = 12;

/** What stands before a match in its line, without indentation: its end alone where it would put the match out of sight. */
export function shownBefore(text: string, from: number): string {
  const before = text.slice(0, from).trimStart();
  return before.length > BEFORE_MATCH_MAX ? `…${before.slice(-BEFORE_MATCH_MAX)}` : before;
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

type Match = SearchResult['files'][number]['matches'][number];

/** What would stand in place of a match. `…` where that takes more of the file than is known of it, as of a match over several lines. */
export function replacementOf({ text, from }: Pick<Match, 'text' | 'from'>, query: SearchQuery, replacement: string): string {
  const pattern = patternOf(query);
  if (!query.regex || !replacement.includes('$') || !pattern) return replacement;
  const here = new RegExp(pattern.source, pattern.flags.replace('g', 'y'));
  here.lastIndex = from;
  const found = here.exec(text)?.[0];
  if (found === undefined) return '…';
  here.lastIndex = from;
  const replaced = text.replace(here, replacement);
  return replaced.slice(from, from + found.length + replaced.length - text.length);
}
