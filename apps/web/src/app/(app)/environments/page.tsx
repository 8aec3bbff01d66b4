import { Badge, Card, EmptyState, formatScore, Page, PageHeader, Table, TableHead, Td, Th, Tr } from '@plumbline/ui';
import { Boxes } from 'lucide-react';
import type { Metadata } from 'next';
import { api, orRefuse } from '@/features/rpc/server/api.ts';

export const metadata: Metadata = { title: 'Environments' };

export default async function EnvironmentsPage() {
  const environments = await orRefuse((await api()).study.environments(), '/environments');
  return (
    <Page>
      <PageHeader
        title="Environments"
        description="Task families that people and agents are measured on, each at the version it was added with."
      />
      <Card>
        {environments.length === 0 ? (
          <EmptyState icon={<Boxes />} title="No environments yet">
            Put a Task Standard family into the installation&apos;s folder <code className="font-mono">environments</code> and add it with{' '}
            <code className="font-mono">plumb</code>; it then appears here and can be made part of a study.
          </EmptyState>
        ) : (
          <Table label="Environments">
            <TableHead>
              <Th>Environment</Th>
              <Th>Version</Th>
              <Th>Score</Th>
              <Th align="right">Starting</Th>
              <Th align="right">Reference</Th>
              <Th>Resources</Th>
              <Th align="right">Assignments</Th>
            </TableHead>
            <tbody>
              {environments.map((environment) => (
                <Tr key={environment.environmentId}>
                  <Td>
                    <span className="font-medium">{environment.title}</span>
                    <span className="block font-mono text-xs text-muted">
                      {environment.family}/{environment.task}
                    </span>
                  </Td>
                  <Td>
                    {environment.version}
                    <span className="block font-mono text-xs text-muted" title={environment.contentHash}>
                      {environment.contentHash.slice(0, 12)}
                    </span>
                  </Td>
                  <Td>
                    {environment.direction === 'lower' ? 'Lower' : 'Higher'} is better, {environment.aggregation} counts
                    <span className="block text-xs text-muted">
                      {environment.scoreVisible ? 'Shown to the participant' : <Badge>Hidden</Badge>}
                    </span>
                  </Td>
                  <Td align="right">{formatScore(environment.scale?.startingScore)}</Td>
                  <Td align="right">{formatScore(environment.scale?.referenceScore)}</Td>
                  <Td>{resourceWords(environment.resources)}</Td>
                  <Td align="right">{environment.assignments}</Td>
                </Tr>
              ))}
            </tbody>
          </Table>
        )}
      </Card>
    </Page>
  );
}

function resourceWords(resources: {
  cpus?: number | undefined;
  memory_gb?: number | undefined;
  gpu?: { count_range: number[]; model: string } | undefined;
}): string {
  const parts = [
    resources.cpus === undefined ? null : `${resources.cpus} ${resources.cpus === 1 ? 'CPU' : 'CPUs'}`,
    resources.memory_gb === undefined ? null : `${resources.memory_gb} GB memory`,
    resources.gpu === undefined ? null : `${resources.gpu.count_range.join('–')} × ${resources.gpu.model}`,
  ].filter((part) => part !== null);
  return parts.length > 0 ? parts.join(', ') : 'Not said';
}
