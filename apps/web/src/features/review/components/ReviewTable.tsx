'use client';
import type { AppRouter } from '@plumbline/api';
import {
  Badge,
  Button,
  Card,
  EmptyState,
  formatBytes,
  formatDuration,
  formatNormalised,
  formatScore,
  Input,
  Label,
  Table,
  TableHead,
  Td,
  Th,
  Time,
  Tr,
} from '@plumbline/ui';
import type { inferRouterOutputs } from '@trpc/server';
import { Archive, Play } from 'lucide-react';
import Link from 'next/link';
import { useState } from 'react';
import { StateBadge } from '@/features/attempt/components/StateBadge.tsx';
import { END_REASON_WORDS } from '@/features/attempt/model/words.ts';

type Finished = inferRouterOutputs<AppRouter>['review']['list'][number];

export function ReviewTable({ attempts }: { attempts: Finished[] }) {
  const [words, setWords] = useState('');
  if (attempts.length === 0) {
    return (
      <Card>
        <EmptyState icon={<Archive />} title="No attempt has finished yet">
          When an attempt ends, its final state is scored, its recording is sealed and signed, and it appears here to be replayed.
        </EmptyState>
      </Card>
    );
  }
  const wanted = words.toLowerCase().trim();
  const shown = attempts.filter((attempt) => `${attempt.title} ${attempt.study} ${attempt.participant}`.toLowerCase().includes(wanted));
  return (
    <div className="space-y-4">
      <div className="max-w-xs">
        <Label htmlFor="review-filter" className="sr-only">
          Filter by environment, study or participant
        </Label>
        <Input
          id="review-filter"
          type="search"
          placeholder="Filter by environment, study or participant"
          value={words}
          onChange={(event) => setWords(event.target.value)}
        />
      </div>
      <Card>
        {shown.length === 0 ? (
          <EmptyState title="Nothing matches">No finished attempt has “{words}” in its environment, study or participant.</EmptyState>
        ) : (
          <Table label="Finished attempts">
            <TableHead>
              <Th>Environment</Th>
              <Th>Participant</Th>
              <Th>Ended</Th>
              <Th align="right">On the clock</Th>
              <Th align="right">Scores</Th>
              <Th align="right">Result</Th>
              <Th>Recording</Th>
              <Th>
                <span className="sr-only">Acts</span>
              </Th>
            </TableHead>
            <tbody>
              {shown.map((attempt) => (
                <Tr key={attempt.attemptId}>
                  <Td>
                    <Link href={`/attempts/${attempt.attemptId}`} className="text-accent hover:underline">
                      {attempt.title}
                    </Link>
                    <span className="block text-xs text-muted">{attempt.study}</span>
                  </Td>
                  <Td>{attempt.participant}</Td>
                  <Td>
                    {attempt.endedAt ? <Time at={attempt.endedAt} /> : '–'}
                    <span className="block text-xs text-muted">
                      {attempt.state === 'completed' ? (
                        (END_REASON_WORDS[attempt.endReason ?? ''] ?? '')
                      ) : (
                        <StateBadge state={attempt.state} />
                      )}
                    </span>
                  </Td>
                  <Td align="right">{formatDuration(attempt.clock.elapsedMs)}</Td>
                  <Td align="right">{attempt.scoreCount}</Td>
                  <Td align="right">
                    {attempt.result ? formatScore(attempt.result.result.raw) : '–'}
                    {attempt.result?.result.raw != null ? (
                      <span className="block text-xs text-muted">{formatNormalised(attempt.result.result.value)} normalised</span>
                    ) : null}
                    {attempt.missingScores.length > 0 ? (
                      <span className="mt-1 block" title={attempt.missingScores.join(' ')}>
                        <Badge tone="warning">Scores missing</Badge>
                      </span>
                    ) : null}
                  </Td>
                  <Td>
                    {attempt.sealedAt ? <Badge tone="success">Sealed</Badge> : <Badge tone="warning">Not sealed</Badge>}
                    <span className="block text-xs text-muted">{formatBytes(attempt.recordedBytes)}</span>
                  </Td>
                  <Td align="right">
                    {attempt.isOwn ? (
                      <span className="text-xs text-muted">Your own</span>
                    ) : (
                      <Button asChild size="sm">
                        <Link href={`/attempts/${attempt.attemptId}/replay`}>
                          <Play />
                          Replay
                        </Link>
                      </Button>
                    )}
                  </Td>
                </Tr>
              ))}
            </tbody>
          </Table>
        )}
      </Card>
    </div>
  );
}
