'use client';
import type { AppRouter } from '@plumbline/api';
import { Button, Card, EmptyState, Page, PageHeader, Table, TableHead, Td, Th, Time, Tr } from '@plumbline/ui';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { inferRouterOutputs } from '@trpc/server';
import { ClipboardList, Plus } from 'lucide-react';
import Link from 'next/link';
import { useState } from 'react';
import { StateBadge } from '@/features/attempt/components/StateBadge.tsx';
import { rpc } from '@/features/rpc/client.ts';
import { NewAssignmentDialog } from './NewAssignmentDialog.tsx';

type Outputs = inferRouterOutputs<AppRouter>['study'];

export function AssignmentsPage({
  initial,
  studies,
  candidates,
}: {
  initial: Outputs['assignments'];
  studies: Outputs['list'];
  candidates: Outputs['candidates'];
}) {
  const queryClient = useQueryClient();
  const [creating, setCreating] = useState(false);
  const { data } = useQuery({ queryKey: ['study.assignments'], queryFn: () => rpc.study.assignments.query(), initialData: initial });
  return (
    <Page>
      <PageHeader
        title="Assignments"
        description="Who works on what. One attempt per person and environment in a study."
        actions={
          <Button variant="primary" onClick={() => setCreating(true)}>
            <Plus />
            New assignment
          </Button>
        }
      />
      <Card>
        {data.length === 0 ? (
          <EmptyState icon={<ClipboardList />} title="No assignments yet">
            Give an expert an environment of a study; it then stands on that person&apos;s home page.
          </EmptyState>
        ) : (
          <Table label="Assignments">
            <TableHead>
              <Th>Participant</Th>
              <Th>Environment</Th>
              <Th>Study</Th>
              <Th>Window</Th>
              <Th>State</Th>
            </TableHead>
            <tbody>
              {data.map((row) => (
                <Tr key={row.assignmentId}>
                  <Td className="font-medium">{row.participant}</Td>
                  <Td>
                    {row.attempt ? (
                      <Link href={`/attempts/${row.attempt.attemptId}`} className="text-accent hover:underline">
                        {row.title}
                      </Link>
                    ) : (
                      row.title
                    )}
                  </Td>
                  <Td>{row.study}</Td>
                  <Td>
                    {row.opensAt ? <Time at={row.opensAt} /> : null}
                    {row.opensAt || row.closesAt ? ' – ' : 'Open at any time'}
                    {row.closesAt ? <Time at={row.closesAt} /> : null}
                  </Td>
                  <Td>
                    <StateBadge state={row.attempt?.state ?? 'scheduled'} />
                  </Td>
                </Tr>
              ))}
            </tbody>
          </Table>
        )}
      </Card>
      <NewAssignmentDialog
        open={creating}
        onOpenChange={setCreating}
        studies={studies}
        candidates={candidates}
        onCreated={() => queryClient.invalidateQueries({ queryKey: ['study.assignments'] })}
      />
    </Page>
  );
}
