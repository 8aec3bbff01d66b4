import { FormatError } from './formatError.ts';

/**
 * Which source each line came from and under which of its numbers, run by run: `[index into sources, first number,
 * lines]`. Numbers within a run follow each other, so a chatty source costs a few bytes per batch and none per line.
 */
export interface SourceRuns {
  sources: string[];
  runs: [source: number, firstN: number, lines: number][];
}

export function emptyRuns(): SourceRuns {
  return { sources: [], runs: [] };
}

/** Adds `lines` lines of one source at the end. */
export function addRun(to: SourceRuns, source: string, firstN: number, lines: number): void {
  let index = to.sources.indexOf(source);
  if (index === -1) index = to.sources.push(source) - 1;
  const last = to.runs.at(-1);
  if (last !== undefined && last[0] === index && last[1] + last[2] === firstN) last[2] += lines;
  else to.runs.push([index, firstN, lines]);
}

/** Adds all of `from` at the end of `to`. */
export function addRuns(to: SourceRuns, from: SourceRuns): void {
  for (const [index, firstN, lines] of from.runs) addRun(to, from.sources[index] as string, firstN, lines);
}

/** Reads runs out of a header and checks that they cover exactly `lines` lines. Throws `FormatError`. */
export function readRuns(value: Record<string, unknown>, lines: number): SourceRuns {
  const { sources, runs } = value;
  if (!Array.isArray(sources) || !sources.every((source) => typeof source === 'string'))
    throw new FormatError('A header names no sources.');
  if (!Array.isArray(runs)) throw new FormatError('A header has no source runs.');
  let covered = 0;
  for (const run of runs as unknown[]) {
    if (!Array.isArray(run) || run.length !== 3 || !run.every((item) => Number.isSafeInteger(item) && item >= 0)) {
      throw new FormatError('A header has a source run that is none.');
    }
    if ((run[0] as number) >= sources.length) throw new FormatError('A header has a run of a source that it does not name.');
    covered += run[2] as number;
  }
  if (covered !== lines) throw new FormatError(`The source runs cover ${covered} lines of ${lines}.`);
  return { sources: sources as string[], runs: runs as SourceRuns['runs'] };
}
