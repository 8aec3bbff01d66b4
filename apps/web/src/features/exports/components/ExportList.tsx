'use client';
import type { AppRouter } from '@plumbline/api';
import { Alert, Button, Card, CardHeader, EmptyState, formatBytes, Progress, Table, TableHead, Td, Th, Time, Tr } from '@plumbline/ui';
import { useQuery } from '@tanstack/react-query';
import type { inferRouterOutputs } from '@trpc/server';
import { Download } from 'lucide-react';
import { rpc } from '@/features/rpc/client.ts';

type ExportRow = inferRouterOutputs<AppRouter>['export']['list'][number];

const POLL_MS = 1_000;

function isUnderWay(row: ExportRow): boolean {
  return row.state === 'queued' || row.state === 'building';
}

export function ExportList({ initial }: { initial: ExportRow[] }) {
  const { data, error } = useQuery({
    queryKey: ['export.list'],
    queryFn: () => rpc.export.list.query(),
    initialData: initial,
    refetchInterval: (query) => (query.state.data?.some(isUnderWay) ? POLL_MS : false),
  });
  return (
    <Card>
      <CardHeader title="Built exports" description="The checksum is the SHA-256 of the archive: compare it after a download." />
      {error ? (
        <div className="p-4">
          <Alert tone="warning">The platform does not answer at the moment; what you see is the last that was known.</Alert>
        </div>
      ) : null}
      {data.length === 0 ? (
        <EmptyState title="No exports yet">Choose attempts above and build one. It stays here to be downloaded again.</EmptyState>
      ) : (
        <Table label="Exports">
          <TableHead>
            <Th>Asked for</Th>
            <Th>By</Th>
            <Th align="right">Attempts</Th>
            <Th>Archive</Th>
            <Th>
              <span className="sr-only">Download</span>
            </Th>
          </TableHead>
          <tbody>
            {data.map((row) => (
              <Tr key={row.exportId}>
                <Td>
                  <Time at={row.createdAt} />
                </Td>
                <Td>{row.requestedBy ?? '–'}</Td>
                <Td align="right">
                  {row.attempts}
                  {row.leftOut > 0 ? <span className="block text-xs text-muted">{row.leftOut} left out</span> : null}
                </Td>
                <Td className="min-w-72">
                  {isUnderWay(row) ? (
                    <Progress
                      value={row.state === 'queued' ? null : row.progress}
                      label={row.state === 'queued' ? 'Waiting for a worker' : 'Building'}
                    />
                  ) : null}
                  {row.state === 'failed' ? <span className="text-danger">{row.error ?? 'It could not be built. Try again.'}</span> : null}
                  {row.state === 'done' ? (
                    <>
                      {row.bytes === null ? null : formatBytes(row.bytes)}
                      <code className="block font-mono text-xs break-all text-muted">{row.checksum}</code>
                      {row.withdrawnSince > 0 ? (
                        <span className="block text-xs text-warning">
                          Consent to {row.withdrawnSince === 1 ? 'one of its attempts was' : `${row.withdrawnSince} of its attempts was`}{' '}
                          taken back since it was built. Build it anew before you hand it on.
                        </span>
                      ) : null}
                    </>
                  ) : null}
                </Td>
                <Td align="right">
                  {row.mayDownload ? null : <span className="text-xs text-muted">Holds an attempt of your own</span>}
                  {row.state === 'done' && row.mayDownload ? (
                    <Button asChild size="sm">
                      <a href={`/api/exports/${row.exportId}`} download>
                        <Download />
                        Download
                      </a>
                    </Button>
                  ) : null}
                </Td>
              </Tr>
            ))}
          </tbody>
        </Table>
      )}
    </Card>
  );
}
