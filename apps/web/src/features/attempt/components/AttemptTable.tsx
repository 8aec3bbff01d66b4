import { Table, TableHead, Td, Th, Tr } from '@plumbline/ui';
import Link from 'next/link';
import type { ReactNode } from 'react';

export interface ListedAttempt {
  attemptId: string;
  title: string;
  study: string;
  participant: string;
  isOwn: boolean;
}

export interface AttemptColumn<Attempt> {
  head: string;
  align?: 'right';
  cell: (attempt: Attempt) => ReactNode;
}

interface AttemptTableProps<Attempt extends ListedAttempt> {
  /** For screen readers. */
  label: string;
  attempts: readonly Attempt[];
  columns: readonly AttemptColumn<Attempt>[];
  /** What staff do with one that is not their own. */
  act?: (attempt: Attempt) => ReactNode;
}

/** Attempts as staff list them: which environment and whose, with a list's own columns, and the way to each. */
export function AttemptTable<Attempt extends ListedAttempt>({ label, attempts, columns, act }: AttemptTableProps<Attempt>) {
  return (
    <Table label={label}>
      <TableHead>
        <Th>Environment</Th>
        <Th>Participant</Th>
        {columns.map(({ head, align }) => (
          <Th key={head} align={align}>
            {head}
          </Th>
        ))}
        {act ? (
          <Th>
            <span className="sr-only">Acts</span>
          </Th>
        ) : null}
      </TableHead>
      <tbody>
        {attempts.map((attempt) => (
          <Tr key={attempt.attemptId}>
            <Td>
              <Link href={`/attempts/${attempt.attemptId}`} className="text-accent hover:underline">
                {attempt.title}
              </Link>
              <span className="block text-xs text-muted">{attempt.study}</span>
            </Td>
            <Td>{attempt.participant}</Td>
            {columns.map(({ head, align, cell }) => (
              <Td key={head} align={align}>
                {cell(attempt)}
              </Td>
            ))}
            {act ? <Td align="right">{attempt.isOwn ? <span className="text-xs text-muted">Your own</span> : act(attempt)}</Td> : null}
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}
