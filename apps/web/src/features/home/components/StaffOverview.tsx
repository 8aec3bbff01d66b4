import { Button, Card, CardHeader, EmptyState, formatDuration, formatNormalised, Time } from '@plumbline/ui';
import Link from 'next/link';
import { AttemptTable } from '@/features/attempt/components/AttemptTable.tsx';
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
            <AttemptTable
              label="Live attempts"
              attempts={live.slice(0, ROWS_SHOWN)}
              columns={[
                { head: 'State', cell: ({ state }) => <StateBadge state={state} /> },
                { head: 'On the clock', align: 'right', cell: ({ clock }) => formatDuration(clock.elapsedMs) },
              ]}
            />
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
            <AttemptTable
              label="Latest finished attempts"
              attempts={finished.slice(0, ROWS_SHOWN)}
              columns={[
                { head: 'Ended', cell: ({ endedAt }) => (endedAt ? <Time at={endedAt} /> : '–') },
                { head: 'On the clock', align: 'right', cell: ({ clock }) => formatDuration(clock.elapsedMs) },
                { head: 'Normalised score', align: 'right', cell: ({ result }) => formatNormalised(result?.result.value) },
              ]}
            />
          )}
        </Card>
      ) : null}
    </>
  );
}
