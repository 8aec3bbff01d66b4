import type { RequestResult } from '@plumbline/protocol';
import { NAMES } from './nameOrder.ts';
import { Store } from './store.ts';
import type { WalkedRow } from './treeKeys.ts';

/** The problems of the open Python files as the language server said them last, and the rows in which they are listed. */

export type Problem = RequestResult<'language.diagnose'>['problems'][number];

/** Who finds them. */
export const PROBLEM_SOURCE = 'Pyright';

const RANKS = { error: 0, warning: 1, information: 2 } as const;
/** A hint, that a name is not used for example, is shown in the text alone. */
export type ListedProblem = Problem & { severity: keyof typeof RANKS };

interface ProblemsOfFile {
  /** Errors first, then by their place. */
  problems: readonly ListedProblem[];
  /** `waiting`: nothing was said of it yet; `unanswered`: since then the server was asked again, and is away. */
  state: 'waiting' | 'judged' | 'unanswered';
}

export type ProblemsByFile = ReadonlyMap<string, ProblemsOfFile>;

function isListed(problem: Problem): problem is ListedProblem {
  return problem.severity !== 'hint';
}

function worstFirst(a: ListedProblem, b: ListedProblem): number {
  return RANKS[a.severity] - RANKS[b.severity] || a.from.line - b.from.line || a.from.column - b.from.column;
}

/** What is known of each file that the language server is asked about, by its path. */
export class ProblemList extends Store<ProblemsByFile> {
  constructor() {
    super(new Map());
  }

  opened(path: string): void {
    this.put(path, { problems: [], state: 'waiting' });
  }

  judged(path: string, problems: readonly Problem[]): void {
    this.put(path, { problems: problems.filter(isListed).sort(worstFirst), state: 'judged' });
  }

  /** The server is away: what it said last is all there is. */
  unanswered(path: string): void {
    this.put(path, { problems: this.get().get(path)?.problems ?? [], state: 'unanswered' });
  }

  /** The server judges no such file: nothing is to be waited for. */
  refused(path: string): void {
    if (this.get().get(path)?.state === 'waiting') this.closed(path);
  }

  closed(path: string): void {
    this.set(new Map([...this.get()].filter(([other]) => other !== path)));
  }

  private put(path: string, of: ProblemsOfFile): void {
    this.set(new Map([...this.get(), [path, of]]));
  }
}

/** A row of the list: a file with its count, or one of its problems. */
export type ProblemRow = WalkedRow & { file: string } & ({ problem: null; count: number } | { problem: ListedProblem });

/** The files that have problems, by their paths, and below each one its problems, unless it is folded. */
export function problemRows(list: ProblemsByFile, folded: ReadonlySet<string>): ProblemRow[] {
  const files = [...list].filter(([, { problems }]) => problems.length > 0).sort(([a], [b]) => NAMES.compare(a, b));
  return files.flatMap(([file, { problems }]): ProblemRow[] => {
    const head = { path: file, file, depth: 0, expanded: !folded.has(file), problem: null, count: problems.length };
    const below = problems.map((problem, n) => ({ path: `${file}/${n}`, file, depth: 1, expanded: false, problem }));
    return head.expanded ? [head, ...below] : [head];
  });
}

export const NO_PROBLEMS = 'No problems';

function counted(count: number, noun: string): string[] {
  return count === 0 ? [] : [`${count} ${noun}${count === 1 ? '' : 's'}`];
}

/** How many problems of each kind there are, in words. */
export function problemWords(list: ProblemsByFile): string {
  const kinds = [...list.values()].flatMap(({ problems }) => problems.map(({ severity }) => severity));
  const count = (kind: ListedProblem['severity']) => kinds.filter((one) => one === kind).length;
  const counts = [...counted(count('error'), 'error'), ...counted(count('warning'), 'warning'), ...counted(count('information'), 'remark')];
  return counts.length === 0 ? NO_PROBLEMS : counts.join(', ');
}

/** Whether some file is still to be judged for the first time. */
export function isWaited(list: ProblemsByFile): boolean {
  return [...list.values()].some(({ state }) => state === 'waiting');
}

/** Whether the server is away: what is listed is what it said last. */
export function isOutdated(list: ProblemsByFile): boolean {
  return [...list.values()].some(({ state }) => state === 'unanswered');
}
