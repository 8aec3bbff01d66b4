import { type ScoreSettings, scoreAsTold } from '@plumbline/core';
import type { ScoreRow } from '@plumbline/protocol';
import type { ScoreRecord } from './scores.ts';

/** A score for the wire. Where scores are hidden only the row and the scorer's `message` pass. */
export function toScoreRow(
  row: Omit<ScoreRecord, 'details'>,
  scale: Pick<ScoreSettings, 'startingScore' | 'referenceScore'>,
  visible: boolean,
): ScoreRow {
  return {
    ...scoreAsTold(row, scale, visible),
    scoreId: row.id,
    n: row.n,
    trigger: row.trigger as ScoreRow['trigger'],
    requestedAtMs: row.requestedAt.getTime(),
    elapsedMs: row.elapsedMs,
    message: row.message,
    durationMs: row.durationMs,
  };
}
