import { Button, Card, CardHeader, EmptyState, formatDuration, formatNormalised, Table, TableHead, Td, Th, Time, Tr } from '@plumbline/ui';
import Link from 'next/link';
import { StateBadge } from '@/features/attempt/components/StateBadge.tsx';
import type { StaffOverviewData } from '../server/staffOverview.ts';

const ROWS_SHOWN = 5;

function Figure({ label, value, href }: { label: string; value: number; href: string }) {
  return (
    <Link href={href} className="rounded-lg border border-border bg-surface p-4 hover:bg-hover">
      <span className="block text-2xl font-semibold tracking-tight tabular-nums">{value}</span>
      <span className="text-xs text-muted">{label}</span>
    </Link>
  );
}

export function StaffOverview({ overview }: { overview: StaffOverviewData }) {
  const { live, finished, exports, environments } = overview;
  return (
    <>
      <div className="grid grid-cols-2 gap-4 md:grid-cols-4">
        {live ? <Figure label="Attempts with a sandbox now" value={live.length} href="/live" /> : null}
        {finished ? <Figure label="Finished attempts" value={finished.length} href="/review" /> : null}
        {exports ? <Figure label="Exports" value={exports.length} href="/exports" /> : null}
        {environments ? <Figure label="Environments" value={environments.length} href="/environments" /> : null}
      </div>
      {live ? (
        <Card>
          <CardHeader
            title="Live"
            description="Attempts that hold a sandbox now."
            actions={
              <Button asChild size="sm">
                <Link href="/live">Open Live</Link>
              </Button>
            }
          />
          {live.length === 0 ? (
            <EmptyState title="Nothing is running">When a participant prepares a sandbox, the attempt appears here.</EmptyState>
          ) : (
            <Table label="Live attempts">
              <TableHead>
                <Th>Environment</Th>
                <Th>Participant</Th>
                <Th>State</Th>
                <Th align="right">On the clock</Th>
              </TableHead>
              <tbody>
                {live.slice(0, ROWS_SHOWN).map((attempt) => (
                  <Tr key={attempt.attemptId}>
                    <Td>
                      <Link href={`/attempts/${attempt.attemptId}`} className="text-accent hover:underline">
                        {attempt.title}
                      </Link>
                    </Td>
                    <Td>{attempt.participant}</Td>
                    <Td>
                      <StateBadge state={attempt.state} />
                    </Td>
                    <Td align="right">{formatDuration(attempt.clock.elapsedMs)}</Td>
                  </Tr>
                ))}
              </tbody>
            </Table>
          )}
        </Card>
      ) : null}
      {finished ? (
        <Card>
          <CardHeader
            title="Latest finished attempts"
            actions={
              <Button asChild size="sm">
                <Link href="/review">Open Review</Link>
              </Button>
            }
          />
          {finished.length === 0 ? (
            <EmptyState title="No attempt has finished yet">
              A finished attempt can be replayed here as soon as its recording is sealed.
            </EmptyState>
          ) : (
            <Table label="Latest finished attempts">
              <TableHead>
                <Th>Environment</Th>
                <Th>Participant</Th>
                <Th>Ended</Th>
                <Th align="right">On the clock</Th>
                <Th align="right">Normalised score</Th>
              </TableHead>
              <tbody>
                {finished.slice(0, ROWS_SHOWN).map((attempt) => (
                  <Tr key={attempt.attemptId}>
                    <Td>
                      <Link href={`/attempts/${attempt.attemptId}`} className="text-accent hover:underline">
                        {attempt.title}
                      </Link>
                    </Td>
                    <Td>{attempt.participant}</Td>
                    <Td>{attempt.endedAt ? <Time at={attempt.endedAt} /> : '–'}</Td>
                    <Td align="right">{formatDuration(attempt.clock.elapsedMs)}</Td>
                    <Td align="right">{formatNormalised(attempt.result?.result.value)}</Td>
                  </Tr>
                ))}
              </tbody>
            </Table>
          )}
        </Card>
      ) : null}
    </>
  );
}
