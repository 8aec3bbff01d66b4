import { describe, expect, it } from 'vitest';
import { isOutdated, isWaited, type Problem, ProblemList, problemRows, problemWords } from './problemList.ts';

const problem = (severity: Problem['severity'], line: number, column = 1): Problem => ({
  severity,
  from: { line, column },
  to: { line, column: column + 1 },
  message: 'wrong',
  rule: null,
  unused: false,
});

/** The rows as somebody reads them. */
function shown(list: ProblemList, ...folded: string[]): string[] {
  return problemRows(list.get(), new Set(folded)).map((row) =>
    row.problem === null ? `${row.file} (${row.count})` : `  ${row.problem.severity} ${row.problem.from.line}:${row.problem.from.column}`,
  );
}

describe('the list of problems', () => {
  it('has the files by their paths, and of each one the errors first, then the warnings, by their places', () => {
    const list = new ProblemList();
    list.judged('use10.py', [problem('information', 1), problem('warning', 2), problem('error', 9, 4), problem('error', 9, 2)]);
    list.judged('use2.py', [problem('warning', 1), problem('error', 30)]);
    list.judged('clean.py', []);
    const second = ['use2.py (2)', '  error 30:1', '  warning 1:1'];
    const tenth = ['use10.py (4)', '  error 9:2', '  error 9:4', '  warning 2:1', '  information 1:1'];
    expect(shown(list)).toEqual([...second, ...tenth]);
    expect(shown(list, 'use10.py')).toEqual([...second, 'use10.py (4)']);
    expect(problemWords(list.get())).toBe('3 errors, 2 warnings, 1 remark');
  });

  it('has no hints: they are shown in the text', () => {
    const list = new ProblemList();
    list.judged('a.py', [problem('hint', 1)]);
    expect(shown(list)).toEqual([]);
    expect(problemWords(list.get())).toBe('No problems');
  });

  it('loses a file that is closed, and what was mended', () => {
    const list = new ProblemList();
    list.judged('a.py', [problem('error', 1), problem('error', 2)]);
    list.judged('b.py', [problem('error', 1)]);
    list.judged('a.py', [problem('error', 2)]);
    list.closed('b.py');
    expect(shown(list)).toEqual(['a.py (1)', '  error 2:1']);
    expect(problemWords(list.get())).toBe('1 error');
  });

  it('keeps what the server said last while it is away, and says so until it answers', () => {
    const list = new ProblemList();
    list.opened('a.py');
    expect([isWaited(list.get()), isOutdated(list.get())]).toEqual([true, false]);
    list.judged('a.py', [problem('error', 1)]);
    list.unanswered('a.py');
    expect(shown(list)).toEqual(['a.py (1)', '  error 1:1']);
    expect([isWaited(list.get()), isOutdated(list.get())]).toEqual([false, true]);
    list.judged('a.py', []);
    expect(shown(list)).toEqual([]);
    expect(isOutdated(list.get())).toBe(false);
  });

  it('waits for nothing where the server judges no such file', () => {
    const list = new ProblemList();
    list.opened('large.py');
    list.refused('large.py');
    expect(isWaited(list.get())).toBe(false);
    list.judged('a.py', [problem('error', 1)]);
    list.refused('a.py');
    expect(shown(list)).toEqual(['a.py (1)', '  error 1:1']);
  });
});
