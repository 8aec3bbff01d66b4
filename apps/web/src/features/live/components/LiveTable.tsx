'use client';
import type { AppRouter } from '@plumbline/api';
import { GPU_IDLE_FLAG_MS, gpuWords } from '@plumbline/core';
import {
  Alert,
  Badge,
  Button,
  Card,
  EmptyState,
  formatDuration,
  formatNormalised,
  formatScore,
  formatSpan,
  Table,
  TableHead,
  Td,
  Th,
  Tr,
} from '@plumbline/ui';
import { useQuery } from '@tanstack/react-query';
import type { inferRouterOutputs } from '@trpc/server';
import { Eye, Radio } from 'lucide-react';
import Link from 'next/link';
import { RunningClock } from '@/features/attempt/components/RunningClock.tsx';
import { StaffClockButton } from '@/features/attempt/components/StaffClock.tsx';
import { StateBadge } from '@/features/attempt/components/StateBadge.tsx';
import { SCORE_STATUS_WORDS } from '@/features/attempt/model/words.ts';
import { rpc } from '@/features/rpc/client.ts';

type LiveAttempt = inferRouterOutputs<AppRouter>['live']['list'][number];

const POLL_MS = 2_000;
/** Input is durable and read here within this time, so that a younger one is as good as now. */
const INPUT_NOW_MS = 5_000;
/** The gateway renews its mark each second; this long without says that the sandbox is not attached. */
const ATTACHED_WITHIN_MS = 5_000;

export function LiveTable({ initial }: { initial: LiveAttempt[] }) {
  const { data, error } = useQuery({
    queryKey: ['live.list'],
    queryFn: () => rpc.live.list.query(),
    initialData: initial,
    refetchInterval: POLL_MS,
  });

  return (
    <>
      {error ? <Alert tone="warning">The platform does not answer at the moment; what you see is the last that was known.</Alert> : null}
      <Card>
        {data.length === 0 ? (
          <EmptyState icon={<Radio />} title="Nothing is running">
            When a participant prepares a sandbox, the attempt appears here, with its clock, its last score and its connection.
          </EmptyState>
        ) : (
          <Table label="Live attempts">
            <TableHead>
              <Th>Environment</Th>
              <Th>Participant</Th>
              <Th>State</Th>
              <Th align="right">On the clock</Th>
              <Th align="right">Remaining</Th>
              <Th>Last input</Th>
              <Th>Last score</Th>
              <Th>Sandbox</Th>
              <Th>
                <span className="sr-only">Acts</span>
              </Th>
            </TableHead>
            <tbody>
              {data.map((attempt) => (
                <Tr key={attempt.attemptId}>
                  <Td>
                    <Link href={`/attempts/${attempt.attemptId}`} className="text-accent hover:underline">
                      {attempt.title}
                    </Link>
                    <span className="block text-xs text-muted">{attempt.study}</span>
                  </Td>
                  <Td>{attempt.participant}</Td>
                  <Td>
                    <StateBadge state={attempt.state} />
                    {attempt.state === 'finalising' && attempt.progress ? (
                      <span className="block text-xs text-muted">{attempt.progress}</span>
                    ) : null}
                  </Td>
                  <Td align="right">
                    <RunningClock clock={attempt.clock} show="elapsed" />
                  </Td>
                  <Td align="right">
                    <RunningClock clock={attempt.clock} show="remaining" />
                  </Td>
                  <Td>
                    <LastInput ageMs={attempt.inputAgeMs} />
                  </Td>
                  <Td>
                    <LastScore score={attempt.lastScore} />
                  </Td>
                  <Td>
                    <SandboxLink ageMs={attempt.linkAgeMs} state={attempt.state} />
                    {attempt.host ? (
                      <span className="block text-xs text-muted">
                        {attempt.host}
                        {attempt.gpus ? `, ${gpuWords({ gpuCount: attempt.gpus.count, gpuModel: attempt.gpus.model })}` : ''}
                      </span>
                    ) : null}
                    {attempt.gpuIdleMs !== null && attempt.gpuIdleMs >= GPU_IDLE_FLAG_MS ? (
                      <Badge tone="warning">GPU idle for {formatSpan(Math.floor(attempt.gpuIdleMs / 60_000) * 60_000)}</Badge>
                    ) : null}
                  </Td>
                  <Td align="right">
                    <span className="flex justify-end gap-2">
                      <StaffClockButton attemptId={attempt.attemptId} acts={attempt.clockActs} size="sm" />
                      {attempt.isOwn ? (
                        <span className="text-xs text-muted">Your own</span>
                      ) : attempt.state === 'running' || attempt.state === 'paused' ? (
                        <Button asChild size="sm">
                          <Link href={`/attempts/${attempt.attemptId}/watch`}>
                            <Eye />
                            Watch
                          </Link>
                        </Button>
                      ) : null}
                    </span>
                  </Td>
                </Tr>
              ))}
            </tbody>
          </Table>
        )}
      </Card>
    </>
  );
}

function LastInput({ ageMs }: { ageMs: number | null }) {
  if (ageMs === null) return <span className="text-muted">None seen</span>;
  return <>{ageMs < INPUT_NOW_MS ? 'Now' : `${formatSpan(ageMs)} ago`}</>;
}

function LastScore({ score }: { score: LiveAttempt['lastScore'] }) {
  if (!score) return <span className="text-muted">None yet</span>;
  if (score.status !== 'scored') return <Badge tone="neutral">{SCORE_STATUS_WORDS[score.status]?.label ?? score.status}</Badge>;
  return (
    <>
      {formatScore(score.score)}
      <span className="block text-xs text-muted">
        {score.normalised === null ? '' : `${formatNormalised(score.normalised)} normalised, `}at {formatDuration(score.elapsedMs)}
      </span>
    </>
  );
}

function SandboxLink({ ageMs, state }: { ageMs: number | null; state: string }) {
  if (state === 'provisioning') return <span className="text-muted">Being made</span>;
  if (ageMs === null) return <Badge tone="neutral">Not attached</Badge>;
  if (ageMs <= ATTACHED_WITHIN_MS) return <Badge tone="success">Attached</Badge>;
  return <Badge tone="danger">Away for {formatSpan(ageMs)}</Badge>;
}
