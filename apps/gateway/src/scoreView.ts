import { scaleEnds } from '@plumbline/core';
import { type AttemptView, type ScoreRecord, toScoreRow } from '@plumbline/database';
import type { ScoreRow, ScoreScale } from '@plumbline/protocol';

/**
 * A score as the participant may see it: the one place where a hidden score is blanked on a live socket. A participant
 * whose score is hidden still sees that it was recorded and the scorer's `message`; clean re-scores are staff's until the end.
 */
export function scoreRowFor(row: ScoreRecord, view: AttemptView): ScoreRow {
  return toScoreRow(row, view.settings, view.scoreVisible);
}

/** What the participant's scores are normalised by; null where they are hidden. */
export function scoreScaleFor(view: AttemptView): ScoreScale | null {
  return view.scoreVisible ? scaleEnds(view.settings) : null;
}
