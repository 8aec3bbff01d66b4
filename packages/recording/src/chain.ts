import { parseLine } from './codec.ts';
import type { Manifest } from './manifest.ts';
import { NO_ROOT } from './merkle.ts';
import type { SegmentHeader } from './segment.ts';
import type { SourceRuns } from './sourceRuns.ts';

/** What verification can find wrong. `docs/recording-format.md` says what each one means. */
export type ProblemKind =
  | 'missing_segment'
  | 'missing_object'
  | 'changed_content'
  | 'changed_index'
  | 'chain_break'
  | 'wrong_count'
  | 'source_order'
  | 'missing_events'
  | 'missing_key'
  | 'wrong_manifest'
  | 'bad_signature'
  | 'bad_timestamp'
  | 'changed_file';

/** The first thing that is wrong, and the stretch of the recording that it spoils. */
export interface Problem {
  kind: ProblemKind;
  /** The segment's number; the number after the last segment stands for the tail; null where no segment is to blame. */
  segment: number | null;
  firstSeq: number;
  lastSeq: number;
  message: string;
}

/** A recording walked from its start: what must hold from one segment to the next. */
export class RecordingChain {
  segments = 0;
  lastSeq = 0;
  root = NO_ROOT;
  readonly roots: { firstSeq: number; lastSeq: number; root: string }[] = [];
  readonly marks = new Map<string, number>();

  /** The place where the next segment must stand, as a problem with it. */
  problem(kind: ProblemKind, message: string, lastSeq?: number): Problem {
    const firstSeq = this.lastSeq + 1;
    return { kind, segment: this.segments + 1, firstSeq, lastSeq: Math.max(firstSeq, lastSeq ?? firstSeq), message };
  }

  /** Checks that a segment follows, and takes it. `lineAt` gives a line's text, or null for a withheld one. */
  accept(header: SegmentHeader, root: string, lineAt: (index: number) => string | null): Problem | null {
    const lastSeq = header.firstSeq + header.lines - 1;
    if (header.segment !== this.segments + 1 || header.firstSeq !== this.lastSeq + 1) {
      const missing = this.problem(
        'missing_segment',
        `Segment ${this.segments + 1} is missing: segment ${header.segment} stands in its place.`,
        header.firstSeq - 1,
      );
      return missing;
    }
    if (header.previousRoot !== this.root) {
      return this.problem('chain_break', `Segment ${header.segment} does not continue the one before it: it names another root.`, lastSeq);
    }
    const disorder = this.acceptRuns(header.runs, (index) => parsedAt(lineAt(index), header.baseMs));
    if (disorder !== null) return this.problem('source_order', disorder, lastSeq);
    this.segments++;
    this.lastSeq = lastSeq;
    this.root = root;
    this.roots.push({ firstSeq: header.firstSeq, lastSeq, root });
    return null;
  }

  /** Checks that every source goes on from its mark, or says why not in a `connection.gap`. Null: it does. */
  acceptRuns(runs: SourceRuns, lineAt: (index: number) => { type: string | null; data: unknown } | null): string | null {
    let line = 0;
    for (const [index, firstN, lines] of runs.runs) {
      const source = runs.sources[index] as string;
      const mark = this.marks.get(source) ?? 0;
      if (firstN !== mark + 1 && !isGap(lineAt(line), source, mark + 1, firstN)) {
        return `The source ${source} goes on at ${firstN} after ${mark}, and nothing says why.`;
      }
      this.marks.set(source, firstN + lines - 1);
      line += lines;
    }
    return null;
  }

  /** Forgets what was taken from the tail since then. */
  goBack({ lastSeq, marks }: { lastSeq: number; marks: [string, number][] }): void {
    this.lastSeq = lastSeq;
    this.marks.clear();
    for (const [source, mark] of marks) this.marks.set(source, mark);
  }

  /** Compares with a finished recording's manifest. The signature is another matter. */
  compare(manifest: Manifest, attemptId: string): Problem | null {
    const at = (kind: ProblemKind, message: string): Problem => ({ kind, segment: null, firstSeq: 1, lastSeq: this.lastSeq, message });
    if (manifest.attempt !== attemptId) return at('wrong_manifest', `The manifest is that of attempt ${manifest.attempt}.`);
    for (const [i, named] of manifest.segments.entries()) {
      const own = this.roots[i];
      if (own === undefined) return this.problem('missing_segment', `Segment ${i + 1} is missing: the manifest names it.`, named.lastSeq);
      if (own.root !== named.root || own.firstSeq !== named.firstSeq || own.lastSeq !== named.lastSeq) {
        const message = `Segment ${i + 1} is not the one that was signed: its root is another.`;
        return { kind: 'changed_content', segment: i + 1, firstSeq: own.firstSeq, lastSeq: own.lastSeq, message };
      }
    }
    if (this.lastSeq !== manifest.lastSeq) {
      return at('wrong_count', `The recording has ${this.lastSeq} events and the manifest says ${manifest.lastSeq}.`);
    }
    if (manifest.root !== (this.roots.at(-1)?.root ?? null))
      return at('wrong_manifest', 'The manifest names another last root than its last segment has.');
    const unequal = unequalMark(this.marks, new Map(Object.entries(manifest.sources)));
    return unequal === null ? null : at('wrong_count', `The manifest and the recording differ in how far ${unequal} was heard.`);
  }
}

/** The first source whose marks differ, or null. */
export function unequalMark(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): string | null {
  for (const source of new Set([...a.keys(), ...b.keys()])) if (a.get(source) !== b.get(source)) return source;
  return null;
}

function parsedAt(line: string | null, baseMs: number): { type: string | null; data: unknown } | null {
  return line === null ? null : parseLine(line, baseMs);
}

function isGap(line: { type: string | null; data: unknown } | null, source: string, from: number, to: number): boolean {
  if (line?.type !== 'connection.gap') return false;
  const data = line.data as { source?: unknown; from?: unknown; to?: unknown };
  return data.source === source && data.from === from && data.to === to && to > from;
}
