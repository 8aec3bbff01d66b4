'use client';
import { gpuSummary } from '@plumbline/core';
import { Alert, Badge, Button, Card, CardBody, CardHeader, ConfirmDialog, Facts, formatBytes, Time, toast } from '@plumbline/ui';
import { useMutation } from '@tanstack/react-query';
import Link from 'next/link';
import { useState } from 'react';
import { rpc } from '@/features/rpc/client.ts';
import { AcceptanceReport } from './AcceptanceReport.tsx';
import type { HostView } from './HostsOverview.tsx';
import { LeaseTable } from './LeaseTables.tsx';

const PLACEMENT_WORDS: Record<HostView['placement'], string> = {
  local: 'this machine',
  ssh: 'over SSH',
  slurm: 'a Slurm cluster',
};

/** One host: what its last check found, what is leased, and what an admin may do with it. */
export function HostCard({ host, onChanged }: { host: HostView; onChanged: () => Promise<void> }) {
  const [removing, setRemoving] = useState(false);
  const { name, inventory, leases } = host;
  const isDrained = host.drainedAt !== null;
  const drain = useMutation({
    mutationFn: () => rpc.host.setDrained.mutate({ name, drained: !isDrained }),
    onError: (error) => toast.error(error.message),
    onSettled: onChanged,
  });
  const used = new Set(leases.flatMap((lease) => lease.gpuIds)).size;

  return (
    <Card aria-label={`Host ${name}`}>
      <CardHeader
        title={name}
        actions={
          <>
            <HostBadge host={host} />
            <Button size="sm" busy={drain.isPending && 'Changing…'} onClick={() => drain.mutate()}>
              {isDrained ? 'Take attempts again' : 'Drain'}
            </Button>
            {host.placement === 'local' ? null : (
              <Button size="sm" disabled={leases.length > 0} onClick={() => setRemoving(true)}>
                Remove
              </Button>
            )}
          </>
        }
      />
      <CardBody className="space-y-4">
        <Facts
          items={[
            { term: 'Reached', value: `${PLACEMENT_WORDS[host.placement]}, ${host.isolation}` },
            {
              term: 'GPUs',
              value:
                inventory === null ? 'Not known' : inventory.gpus.length === 0 ? 'None' : `${gpuSummary(inventory.gpus)}, ${used} in use`,
            },
            { term: 'Processors', value: inventory === null ? 'Not known' : inventory.cpus },
            { term: 'Memory', value: inventory === null ? 'Not known' : formatBytes(inventory.memoryBytes) },
            { term: 'Disk free', value: inventory?.diskFreeBytes == null ? 'Not known' : formatBytes(inventory.diskFreeBytes) },
            { term: 'Checked', value: host.checkedAt === null ? 'Never' : <Time at={host.checkedAt} /> },
          ]}
        />
        {host.silentSince === null ? null : (
          <Alert tone="danger" title="This host does not answer.">
            <p>
              Nothing has been heard of it since <Time at={host.silentSince} />. It takes no attempts until it answers; those that had not
              begun there wait for another.
              {host.placement === 'ssh' ? ' After 15 minutes those that run there go on elsewhere.' : ''}
            </p>
          </Alert>
        )}
        {inventory === null && host.placement !== 'local' ? (
          <Alert tone="warning">
            This host has not been checked since it was added or changed, so it takes no attempts that need GPUs. Run{' '}
            <code>plumb host check {name}</code>.
          </Alert>
        ) : null}
        {inventory?.problems.map(({ problem, remedy, blocking }) => (
          <Alert key={problem} tone={blocking ? 'danger' : 'warning'} title={problem}>
            <p>
              {remedy} {blocking ? 'Until then it takes no new attempts.' : ''}
            </p>
          </Alert>
        ))}
        {host.refusals.length === 0 ? null : (
          <div className="space-y-1">
            <h3 className="text-xs font-medium">Refused in the last week</h3>
            {host.refusals.map((acceptance) => (
              <div key={acceptance.acceptanceId}>
                <AcceptanceReport acceptance={acceptance} />
                {acceptance.keepsAway ? (
                  <p className="pl-4 text-xs text-muted">
                    <Link href={`/attempts/${acceptance.attemptId}`} className="text-accent hover:underline">
                      Its attempt
                    </Link>{' '}
                    is kept off {acceptance.node ?? 'this host'} for a day, or until <code>plumb host check {name}</code> finds the host
                    well.
                  </p>
                ) : null}
              </div>
            ))}
          </div>
        )}
        {leases.length === 0 ? <p className="text-sm text-muted">No attempt holds it.</p> : null}
      </CardBody>
      {leases.length === 0 ? null : <LeaseTable host={name} leases={leases} />}
      <ConfirmDialog
        open={removing}
        onOpenChange={setRemoving}
        title={`Remove ${name}?`}
        description="It is taken out of the inventory and gets no more attempts. Nothing on the machine is deleted: workspaces and journals of ended attempts stay there."
        confirmLabel="Remove"
        busyLabel="Removing…"
        tone="danger"
        onConfirm={async () => {
          await rpc.host.remove.mutate({ name });
          await onChanged();
        }}
      />
    </Card>
  );
}

function HostBadge({ host }: { host: HostView }) {
  if (host.drainedAt !== null) return <Badge tone="warning">Drained</Badge>;
  if (host.silentSince !== null) return <Badge tone="danger">Does not answer</Badge>;
  if (host.inventory?.problems.some((problem) => problem.blocking)) return <Badge tone="danger">Takes no attempts</Badge>;
  if (host.inventory === null && host.placement === 'ssh') return <Badge tone="warning">Not checked</Badge>;
  return <Badge tone="success">Takes attempts</Badge>;
}
