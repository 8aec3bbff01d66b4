import { AppError } from '@plumbline/core';
import type { RequestResult } from '@plumbline/protocol';

/** Names of Python's code that are changed everywhere at once. */

type Edit = RequestResult<'language.rename'>['files'][number]['edits'][number];

/** Python 3's, section 2.3.1 of its language reference. */
const KEYWORDS = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except finally for from global if import in is ' +
    'lambda nonlocal not or pass raise return try while with yield'
  ).split(' '),
);

/** Whether Python takes a text for a name: letters and figures of all scripts, as section 2.3 of its language reference has it. */
export function isPythonName(text: string): boolean {
  return /^[\p{XID_Start}_]\p{XID_Continue}*$/u.test(text) && !KEYWORDS.has(text);
}

/**
 * A text with another name in the places of `word`, and how many these were. Throws `conflict` where the word is not in all of them:
 * the text was changed since it was read for the places.
 */
export function withName(text: string, edits: readonly Edit[], word: string): { text: string; count: number } {
  const starts = [0];
  for (const { index, 0: ending } of text.matchAll(/\r\n|\r|\n/g)) starts.push(index + ending.length);
  const offset = ({ line, column }: Edit['from']) => (starts[line - 1] ?? text.length) + column - 1;
  const places = edits
    .map((edit) => ({ from: offset(edit.from), to: offset(edit.to), text: edit.text }))
    .sort((one, other) => one.from - other.from);
  const parts: string[] = [];
  let at = 0;
  for (const { from, to, text: name } of places) {
    if (from < at || text.slice(from, to) !== word) throw new AppError('conflict', 'The text was changed meanwhile.');
    parts.push(text.slice(at, from), name);
    at = to;
  }
  return { text: parts.join('') + text.slice(at), count: places.length };
}
