'use client';
import { needWords } from '@plumbline/core';
import { Badge, Table, TableHead, Td, Th, Time, Tr } from '@plumbline/ui';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { StateBadge } from '@/features/attempt/components/StateBadge.tsx';
import { AcceptanceReport } from './AcceptanceReport.tsx';
import type { LeaseView } from './HostsOverview.tsx';

interface LeaseColumn {
  title: string;
  cell: (lease: LeaseView) => ReactNode;
}

/** Leases, each with its attempt and that one's state, and what else `columns` say. */
function LeasesTable({ label, leases, columns }: { label: string; leases: LeaseView[]; columns: LeaseColumn[] }) {
  return (
    <Table label={label}>
      <TableHead>
        <Th>Attempt</Th>
        <Th>State</Th>
        {columns.map(({ title }) => (
          <Th key={title}>{title}</Th>
        ))}
      </TableHead>
      <tbody>
        {leases.map((lease) => (
          <Tr key={lease.leaseId}>
            <Td>
              <Link href={`/attempts/${lease.attemptId}`} className="text-accent hover:underline">
                {lease.title}
              </Link>
              <span className="block text-xs text-muted">{lease.participant}</span>
            </Td>
            <Td>
              <StateBadge state={lease.attemptState} />
            </Td>
            {columns.map(({ title, cell }) => (
              <Td key={title}>{cell(lease)}</Td>
            ))}
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}

const QUEUE_COLUMNS: LeaseColumn[] = [
  { title: 'Needs', cell: ({ need }) => needWords(need) },
  { title: 'Asked', cell: ({ requestedAt }) => <Time at={requestedAt} /> },
  { title: 'What it is told', cell: ({ waitReason }) => waitReason ?? 'Waiting for its turn.' },
];

/** Who waits, the next one first. */
export function QueueTable({ leases }: { leases: LeaseView[] }) {
  return <LeasesTable label="Attempts that wait for a machine" leases={leases} columns={QUEUE_COLUMNS} />;
}

function Holds({ lease }: { lease: LeaseView }) {
  return (
    <>
      {needWords(lease.need)}
      {lease.gpuIds.map((id) => (
        <span key={id} className="block font-mono text-xs text-muted">
          {id}
        </span>
      ))}
    </>
  );
}

function Ends({ lease }: { lease: LeaseView }) {
  return (
    <>
      {lease.endsAt === null ? null : <Time at={lease.endsAt} />}
      {lease.isPastEnd ? (
        <Badge tone="danger" className="ml-2">
          Past its end
        </Badge>
      ) : null}
    </>
  );
}

function Seen({ lease }: { lease: LeaseView }) {
  if (lease.state === 'releasing') return <Badge tone="neutral">Being given back</Badge>;
  return lease.seenAt === null ? 'Never' : <Time at={lease.seenAt} seconds />;
}

const HELD_COLUMNS: LeaseColumn[] = [
  { title: 'Holds', cell: (lease) => <Holds lease={lease} /> },
  { title: 'Since', cell: ({ grantedAt }) => (grantedAt === null ? null : <Time at={grantedAt} />) },
  { title: 'Until at the latest', cell: (lease) => <Ends lease={lease} /> },
  { title: 'Last seen running', cell: (lease) => <Seen lease={lease} /> },
  { title: 'Acceptance test', cell: ({ acceptance }) => (acceptance === null ? 'Not yet' : <AcceptanceReport acceptance={acceptance} />) },
];

/** Who holds what of one host. */
export function LeaseTable({ host, leases }: { host: string; leases: LeaseView[] }) {
  return <LeasesTable label={`Attempts on ${host}`} leases={leases} columns={HELD_COLUMNS} />;
}
