import type { AttemptDetail } from './attemptDetail.ts';

/** What a page knows of an attempt's progress before it has asked for it. */
export function firstProgress({ state, progress, progressFraction, network }: AttemptDetail) {
  return { state, progress, progressFraction, network, queue: null, setup: null, leftOut: [], buildLines: [] };
}
