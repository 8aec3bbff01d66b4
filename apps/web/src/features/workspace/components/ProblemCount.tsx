'use client';
import { isOutdated, isWaited, NO_PROBLEMS, type ProblemList, problemWords } from '../model/problemList.ts';
import { useStore } from './useStore.ts';

/** How many problems the open Python files have, and the way to their list; nothing where no such file is open. */
export function ProblemCount({ problems, onShow }: { problems: ProblemList; onShow: () => void }) {
  const list = useStore(problems);
  if (list.size === 0) return null;
  const words = problemWords(list);
  return (
    <button
      type="button"
      data-testid="problem-count"
      className="rounded px-1 tabular-nums hover:bg-hover"
      title="Problems of the open Python files"
      onClick={onShow}
    >
      {words === NO_PROBLEMS && (isWaited(list) || isOutdated(list)) ? 'Looking for problems' : words}
    </button>
  );
}
