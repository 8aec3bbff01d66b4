import type { IndexedEvents } from './recordingIndex.ts';

/** A runner's times are mapped anew now and then: within this, the order of the log and that of its times may differ. */
const TIMES_DIFFER_MS = 5_000;

/**
 * Where the log has a terminal's screen at a time, so that nothing is read of what other terminals did since it fell silent;
 * undefined where the index does not know.
 */
export function screenPlace(
  { screens }: Pick<IndexedEvents, 'screens'>,
  terminal: number,
  atMs: number,
): { fromSeq: number; toSeq?: number } | undefined {
  const own = screens.filter((screen) => screen.terminal === terminal);
  const at = own.findLastIndex((screen) => screen.atMs <= atMs);
  const [screen, next] = [own[at], own[at + 1]];
  if (screen === undefined) return undefined;
  if (next !== undefined && next.atMs - atMs < TIMES_DIFFER_MS) return { fromSeq: screen.seq };
  return { fromSeq: screen.seq, toSeq: screen.untilSeq };
}
