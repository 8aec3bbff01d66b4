/** When somebody last typed, as far as a page can tell that sees a count grow. */
export interface InputSeen {
  blocks: number;
  /** On the page's monotonic clock; null while the count has not grown since the page opened. */
  changedAtMs: number | null;
}

/** What is known after another look at the counts. */
export function noteInput(
  before: ReadonlyMap<string, InputSeen>,
  attempts: readonly { attemptId: string; inputBlocks: number }[],
  nowMs: number,
): Map<string, InputSeen> {
  return new Map(
    attempts.map(({ attemptId, inputBlocks }) => {
      const last = before.get(attemptId);
      const grew = last !== undefined && inputBlocks > last.blocks;
      return [attemptId, { blocks: inputBlocks, changedAtMs: grew ? nowMs : (last?.changedAtMs ?? null) }];
    }),
  );
}
