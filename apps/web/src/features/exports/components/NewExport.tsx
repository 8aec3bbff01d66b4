'use client';
import type { AppRouter } from '@plumbline/api';
import {
  Alert,
  Badge,
  Button,
  Card,
  CardHeader,
  Checkbox,
  EmptyState,
  formatDuration,
  formatNormalised,
  Table,
  TableHead,
  Td,
  Th,
  Time,
  Tr,
  toast,
} from '@plumbline/ui';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { inferRouterOutputs } from '@trpc/server';
import { PackagePlus } from 'lucide-react';
import { useState } from 'react';
import { rpc } from '@/features/rpc/client.ts';

type Finished = inferRouterOutputs<AppRouter>['review']['list'][number];

const REFUSAL_WORDS = { refused: 'Left out: refused', unanswered: 'Left out: not asked' } as const;

export function NewExport({ attempts }: { attempts: Finished[] }) {
  const queryClient = useQueryClient();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const build = useMutation({
    mutationFn: () => rpc.export.create.mutate({ attemptIds: [...chosen] }),
    onSuccess: async () => {
      setChosen(new Set());
      toast.success('The export is being built. It appears below, with its progress.');
      await queryClient.invalidateQueries({ queryKey: ['export.list'] });
    },
  });
  const all = attempts.length > 0 && chosen.size === attempts.length;

  function toggle(attemptId: string) {
    const next = new Set(chosen);
    if (!next.delete(attemptId)) next.add(attemptId);
    setChosen(next);
  }

  return (
    <Card>
      <CardHeader
        title="New export"
        description="Completed attempts of others can be exported. Those without consent to a release behind terms are left out, and counted."
        actions={
          <Button variant="primary" disabled={chosen.size === 0} busy={build.isPending && 'Asking…'} onClick={() => build.mutate()}>
            <PackagePlus />
            Build an export{chosen.size > 0 ? ` of ${chosen.size}` : ''}
          </Button>
        }
      />
      {build.error ? (
        <div className="p-4">
          <Alert tone="danger">{build.error.message}</Alert>
        </div>
      ) : null}
      {attempts.length === 0 ? (
        <EmptyState title="No completed attempts">An attempt can be exported when it has ended and its recording is sealed.</EmptyState>
      ) : (
        <Table label="Completed attempts">
          <TableHead>
            <Th className="w-8">
              <Checkbox
                aria-label="Choose all attempts"
                checked={all}
                onChange={() => setChosen(all ? new Set() : new Set(attempts.map((attempt) => attempt.attemptId)))}
              />
            </Th>
            <Th>Environment</Th>
            <Th>Participant</Th>
            <Th>Ended</Th>
            <Th align="right">On the clock</Th>
            <Th align="right">Normalised score</Th>
          </TableHead>
          <tbody>
            {attempts.map((attempt) => (
              <Tr key={attempt.attemptId}>
                <Td>
                  <Checkbox
                    id={`choose-${attempt.attemptId}`}
                    aria-label={`${attempt.title} by ${attempt.participant}`}
                    checked={chosen.has(attempt.attemptId)}
                    onChange={() => toggle(attempt.attemptId)}
                  />
                </Td>
                <Td>
                  <label htmlFor={`choose-${attempt.attemptId}`}>{attempt.title}</label>
                  <span className="block text-xs text-muted">{attempt.study}</span>
                </Td>
                <Td>
                  {attempt.participant}
                  {attempt.releaseRefusal === null ? null : (
                    <span className="block">
                      <Badge tone="warning">{REFUSAL_WORDS[attempt.releaseRefusal]}</Badge>
                    </span>
                  )}
                </Td>
                <Td>{attempt.endedAt ? <Time at={attempt.endedAt} /> : '–'}</Td>
                <Td align="right">{formatDuration(attempt.clock.elapsedMs)}</Td>
                <Td align="right">{formatNormalised(attempt.result?.result.value)}</Td>
              </Tr>
            ))}
          </tbody>
        </Table>
      )}
    </Card>
  );
}
