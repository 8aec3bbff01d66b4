'use client';
import type { AppRouter } from '@plumbline/api';
import { Alert, Card, CardBody, CardHeader, EmptyState } from '@plumbline/ui';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { inferRouterOutputs } from '@trpc/server';
import { Server } from 'lucide-react';
import { rpc } from '@/features/rpc/client.ts';
import { HostCard } from './HostCard.tsx';
import { QueueTable } from './LeaseTables.tsx';

type Overview = inferRouterOutputs<AppRouter>['host']['overview'];
export type HostView = Overview['hosts'][number];
export type LeaseView = Overview['queue'][number];

const POLL_MS = 3_000;

/** Every host with what it has and who holds it, and the queue. */
export function HostsOverview({ initial }: { initial: Overview }) {
  const queryClient = useQueryClient();
  const { data, error } = useQuery({
    queryKey: ['host.overview'],
    queryFn: () => rpc.host.overview.query(),
    initialData: initial,
    refetchInterval: POLL_MS,
  });
  const reload = () => queryClient.invalidateQueries({ queryKey: ['host.overview'] });

  return (
    <>
      {error ? <Alert tone="warning">The platform does not answer at the moment; what you see is the last that was known.</Alert> : null}
      <Card>
        <CardHeader title="The queue" />
        {data.queue.length === 0 ? (
          <CardBody>
            <p className="text-sm text-muted">Nobody waits for a machine.</p>
          </CardBody>
        ) : (
          <QueueTable leases={data.queue} />
        )}
      </Card>
      {data.hosts.length === 0 ? (
        <Card>
          <EmptyState icon={<Server />} title="No host is known yet">
            This machine appears here by itself within a few seconds of the first start. Others are added with <code>plumb host add</code>.
          </EmptyState>
        </Card>
      ) : null}
      {data.hosts.map((host) => (
        <HostCard key={host.hostId} host={host} onChanged={reload} />
      ))}
    </>
  );
}
