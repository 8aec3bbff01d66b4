import type { ScoreRow } from '@plumbline/protocol';
import { Badge, EmptyState, formatDuration, formatNormalised, formatScore, Table, TableHead, Td, Th, Tr } from '@plumbline/ui';
import { SCORE_STATUS_WORDS, TRIGGER_WORDS } from '../model/words.ts';

/** The score log: every score with when it was asked for, on the clock. */
export function ScoresTable({
  scores,
  visible,
  unit,
  countsScoreId,
}: {
  scores: ScoreRow[];
  visible: boolean;
  unit: string;
  countsScoreId: string | null;
}) {
  if (scores.length === 0) return <EmptyState title="No scores">Nothing was scored in this attempt.</EmptyState>;
  return (
    <Table label="Scores">
      <TableHead>
        <Th align="right">No.</Th>
        <Th>Kind</Th>
        <Th align="right">On the clock</Th>
        <Th>Outcome</Th>
        <Th align="right">Score{unit ? ` (${unit})` : ''}</Th>
        <Th align="right">Normalised</Th>
        <Th align="right">Took</Th>
      </TableHead>
      <tbody>
        {scores.map((row) => {
          const status = SCORE_STATUS_WORDS[row.status] ?? { label: row.status, tone: 'neutral' as const };
          return (
            <Tr key={row.scoreId}>
              <Td align="right">{row.n}</Td>
              <Td>
                {TRIGGER_WORDS[row.trigger] ?? row.trigger}
                {row.scoreId === countsScoreId ? (
                  <Badge tone="accent" className="ml-2">
                    Counts
                  </Badge>
                ) : null}
              </Td>
              <Td align="right">{formatDuration(row.elapsedMs)}</Td>
              <Td>
                <Badge tone={status.tone}>{status.label}</Badge>
              </Td>
              <Td align="right">{visible ? formatScore(row.score) : <span className="text-muted">Not shown</span>}</Td>
              <Td align="right">{visible ? formatNormalised(row.normalised) : <span className="text-muted">Not shown</span>}</Td>
              <Td align="right">{row.durationMs === null ? '–' : `${(row.durationMs / 1000).toFixed(1)} s`}</Td>
            </Tr>
          );
        })}
      </tbody>
    </Table>
  );
}
