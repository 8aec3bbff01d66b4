/** Places in files that programs print, as `train.py:12:4` or Python's `File "train.py", line 12`: found in text, and among a workspace's files. */

export interface FilePlace {
  /** Where it stands in the text, in UTF-16 units; the end is behind it. */
  start: number;
  end: number;
  path: string;
  /** From 1. */
  line: number;
  column: number;
}

/** The participant's folder as programs in a sandbox see it. */
const HOME = /^(?:\/home\/agent|~)\//;
const TRACEBACK = /File "(?<path>[^"\n]+)", line (?<line>\d{1,7})/g;
/** A name without a dot is seldom a file, and `12:30:05` never is. */
const COMPILER = /(?<![\w/.~:@-])(?<path>[\w./~+-]*\.[A-Za-z]\w*):(?<line>\d{1,7})(?::(?<column>\d{1,5}))?(?![\w.:]*\/)/g;

/** All places that a text names, in their order. */
export function filePlaces(text: string): FilePlace[] {
  return [TRACEBACK, COMPILER]
    .flatMap((pattern) => [...text.matchAll(pattern)])
    .map(({ 0: whole, index, groups }) => ({
      start: index,
      end: index + whole.length,
      path: groups?.path ?? '',
      line: Math.max(1, Number(groups?.line)),
      column: Math.max(1, Number(groups?.column ?? 1)),
    }))
    .sort((a, b) => a.start - b.start);
}

/**
 * Which file is meant by a path that was printed in a folder that nobody knows: the one that it names from the participant's folder, or
 * else the only one that ends with it. Answers in words where that is none.
 */
export function fileMeant(printed: string, paths: readonly string[]): { path: string } | { refusal: string } {
  const path = printed.replace(HOME, '').replace(/^(?:\.\.?\/)+/, '');
  if (path.startsWith('/')) return { refusal: `${printed} is not in the workspace.` };
  if (HOME.test(printed) || paths.includes(path)) return { path };
  const [only, ...others] = paths.filter((one) => one.endsWith(`/${path}`));
  if (only === undefined) return { refusal: `The workspace has no file ${printed}.` };
  return others.length === 0 ? { path: only } : { refusal: `More than one file is called ${printed}: open it by its name, with Ctrl-P.` };
}
