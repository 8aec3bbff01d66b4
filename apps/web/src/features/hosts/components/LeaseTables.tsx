'use client';
import { needWords } from '@plumbline/core';
import { Badge, Table, TableHead, Td, Th, Time, Tr } from '@plumbline/ui';
import Link from 'next/link';
import { StateBadge } from '@/features/attempt/components/StateBadge.tsx';
import { AcceptanceReport } from './AcceptanceReport.tsx';
import type { LeaseView } from './HostsOverview.tsx';

function AttemptCell({ lease }: { lease: LeaseView }) {
  return (
    <Td>
      <Link href={`/attempts/${lease.attemptId}`} className="text-accent hover:underline">
        {lease.title}
      </Link>
      <span className="block text-xs text-muted">{lease.participant}</span>
    </Td>
  );
}

/** Who waits, the next one first. */
export function QueueTable({ leases }: { leases: LeaseView[] }) {
  return (
    <Table label="Attempts that wait for a machine">
      <TableHead>
        <Th>Attempt</Th>
        <Th>State</Th>
        <Th>Needs</Th>
        <Th>Asked</Th>
        <Th>What it is told</Th>
      </TableHead>
      <tbody>
        {leases.map((lease) => (
          <Tr key={lease.leaseId}>
            <AttemptCell lease={lease} />
            <Td>
              <StateBadge state={lease.attemptState} />
            </Td>
            <Td>{needWords(lease.need)}</Td>
            <Td>
              <Time at={lease.requestedAt} />
            </Td>
            <Td>{lease.waitReason ?? 'Waiting for its turn.'}</Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}

/** Who holds what of one host. */
export function LeaseTable({ host, leases }: { host: string; leases: LeaseView[] }) {
  return (
    <Table label={`Attempts on ${host}`}>
      <TableHead>
        <Th>Attempt</Th>
        <Th>State</Th>
        <Th>Holds</Th>
        <Th>Since</Th>
        <Th>Until at the latest</Th>
        <Th>Last seen running</Th>
        <Th>Acceptance test</Th>
      </TableHead>
      <tbody>
        {leases.map((lease) => (
          <Tr key={lease.leaseId}>
            <AttemptCell lease={lease} />
            <Td>
              <StateBadge state={lease.attemptState} />
            </Td>
            <Td>
              {needWords(lease.need)}
              {lease.gpuIds.map((id) => (
                <span key={id} className="block font-mono text-xs text-muted">
                  {id}
                </span>
              ))}
            </Td>
            <Td>{lease.grantedAt === null ? null : <Time at={lease.grantedAt} />}</Td>
            <Td>
              {lease.endsAt === null ? null : <Time at={lease.endsAt} />}
              {lease.isPastEnd ? (
                <Badge tone="danger" className="ml-2">
                  Past its end
                </Badge>
              ) : null}
            </Td>
            <Td>
              {lease.state === 'releasing' ? (
                <Badge tone="neutral">Being given back</Badge>
              ) : lease.seenAt === null ? (
                'Never'
              ) : (
                <Time at={lease.seenAt} seconds />
              )}
            </Td>
            <Td>{lease.acceptance === null ? 'Not yet' : <AcceptanceReport acceptance={lease.acceptance} />}</Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}
