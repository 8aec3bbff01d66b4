'use client';
import { cn, EmptyState, ScrollBox, Spinner } from '@plumbline/ui';
import { ChevronDown, ChevronRight, CircleCheck, Info, type LucideIcon, OctagonAlert, TriangleAlert } from 'lucide-react';
import { useMemo, useRef, useState } from 'react';
import type { Place } from '../model/openFile.ts';
import {
  isOutdated,
  isWaited,
  type ListedProblem,
  PROBLEM_SOURCE,
  type ProblemList,
  type ProblemRow,
  problemRows,
  problemWords,
} from '../model/problemList.ts';
import { walkTree } from '../model/treeKeys.ts';
import { ROW_HEIGHT_PX, useRowInSight, useVisibleRows } from './TreeRows.tsx';
import { useSession } from './useAttemptSession.ts';
import { useStore } from './useStore.ts';

const AWAY = 'The help for Python is away, and is asked again every few seconds';
const KINDS: Record<ListedProblem['severity'], { icon: LucideIcon; word: string; tone: string }> = {
  error: { icon: OctagonAlert, word: 'Error', tone: 'text-danger' },
  warning: { icon: TriangleAlert, word: 'Warning', tone: 'text-warning' },
  information: { icon: Info, word: 'Remark', tone: 'text-accent' },
};

function FileContent({ row }: { row: Extract<ProblemRow, { problem: null }> }) {
  const Fold = row.expanded ? ChevronDown : ChevronRight;
  return (
    <>
      <Fold aria-hidden className="size-3 shrink-0 text-muted" />
      <span className="min-w-0 truncate font-medium">{row.file}</span>
      <span className="text-muted tabular-nums">{row.count}</span>
    </>
  );
}

function ProblemContent({ problem: { severity, from, message, rule } }: { problem: ListedProblem }) {
  const { icon: Icon, word, tone } = KINDS[severity];
  return (
    <>
      <Icon aria-hidden className={cn('size-3.5 shrink-0', tone)} />
      <span className="sr-only">{word}</span>
      <span className="shrink-0 text-muted tabular-nums">
        {from.line}:{from.column}
      </span>
      <span className="min-w-0 truncate">{message}</span>
      <span className="max-w-1/3 shrink-0 truncate text-muted">{rule === null ? PROBLEM_SOURCE : `${PROBLEM_SOURCE} (${rule})`}</span>
    </>
  );
}

function ProblemTree({ rows, onFold, onOpen }: { rows: ProblemRow[]; onFold: (file: string) => void; onOpen: (row: ProblemRow) => void }) {
  const list = useRef<HTMLDivElement>(null);
  const visible = useVisibleRows(list, rows.length);
  const [chosen, setChosen] = useState<string | null>(null);
  const found = rows.findIndex(({ path }) => path === chosen);
  // The first one where none was chosen, or the one that was is mended.
  const at = found >= 0 ? found : Math.min(1, rows.length - 1);
  useRowInSight(list, at);
  const act = (row: ProblemRow) => (row.problem === null ? onFold(row.file) : onOpen(row));
  return (
    <div
      ref={list}
      role="tree"
      tabIndex={0}
      aria-label="Problems of the open files"
      aria-activedescendant={at >= visible.from && at < visible.to ? `problem-row-${at}` : undefined}
      onKeyDown={(event) =>
        walkTree(event, {
          rows,
          at,
          isFolder: ({ problem }) => problem === null,
          choose: setChosen,
          toggle: ({ file }) => onFold(file),
          open: act,
        })
      }
      data-testid="problems-tree"
      className="min-h-0 flex-1 overflow-auto outline-none focus-visible:ring-1 focus-visible:ring-accent focus-visible:ring-inset"
    >
      <div
        role="presentation"
        style={{ paddingTop: visible.from * ROW_HEIGHT_PX, paddingBottom: Math.max(0, rows.length - visible.to) * ROW_HEIGHT_PX }}
      >
        {rows.slice(visible.from, visible.to).map((row, n) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the tree around it takes the keys.
          <div
            key={row.path}
            id={`problem-row-${visible.from + n}`}
            role="treeitem"
            tabIndex={-1}
            aria-level={row.depth + 1}
            aria-selected={visible.from + n === at}
            aria-expanded={row.problem === null ? row.expanded : undefined}
            data-testid={row.problem === null ? 'problem-file' : 'problem'}
            data-path={row.file}
            title={row.problem?.message ?? row.file}
            onClick={() => {
              setChosen(row.path);
              act(row);
            }}
            style={{ paddingLeft: 8 + row.depth * 16, height: ROW_HEIGHT_PX }}
            className={cn(
              'flex cursor-default items-center gap-2 pr-2 text-xs whitespace-nowrap select-none hover:bg-hover',
              visible.from + n === at && 'bg-accent-soft',
            )}
          >
            {row.problem === null ? <FileContent row={row} /> : <ProblemContent problem={row.problem} />}
          </div>
        ))}
      </div>
    </div>
  );
}

/** Ctrl-Shift-M: what Pyright finds wrong in the open Python files, by file, to go to each. */
export function ProblemsPanel({ problems, onOpen }: { problems: ProblemList; onOpen: (path: string, place: Place) => void }) {
  const session = useSession();
  const list = useStore(problems);
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => problemRows(list, folded), [list, folded]);
  const fold = (file: string) =>
    setFolded(folded.has(file) ? new Set([...folded].filter((one) => one !== file)) : new Set([...folded, file]));
  const open = ({ file, problem }: ProblemRow) => problem && onOpen(file, { ...problem.from, length: 0 });
  const outdated = isOutdated(list);

  return (
    <section
      aria-label="Problems"
      className="flex h-full flex-col bg-surface"
      onFocus={() => session.panelFocused('problems')}
      data-testid="problems-panel"
    >
      {rows.length > 0 ? (
        <ProblemTree rows={rows} onFold={fold} onOpen={open} />
      ) : (
        <ScrollBox className="min-h-0 flex-1 overflow-auto">
          {isWaited(list) || outdated ? (
            <Spinner label={outdated ? `${AWAY}.` : `${PROBLEM_SOURCE} looks at the open files`} className="px-3 py-2 text-xs" />
          ) : (
            <EmptyState icon={<CircleCheck aria-hidden />} title="No problems in the open files" className="py-8">
              {PROBLEM_SOURCE} looks at Python files while they are open in the editor, as they are typed. What it finds is listed here.
            </EmptyState>
          )}
        </ScrollBox>
      )}
      <p className="shrink-0 border-t border-border px-3 py-1 text-xs text-muted">
        <span role="status">{outdated && rows.length > 0 ? `${AWAY}: this is what it said last. ` : null}</span>
        {rows.length > 0 ? `${problemWords(list)} in the Python files that are open. ` : null}
        Files that are not open are not looked at.
      </p>
    </section>
  );
}
