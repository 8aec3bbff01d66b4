'use client';
import { BUILD_LOG_LINES } from '@plumbline/protocol';
import { Alert, Button, Card, CardBody, CardHeader, ScrollBox, Time } from '@plumbline/ui';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { rpc } from '@/features/rpc/client.ts';
import type { AttemptDetail } from '../model/attemptDetail.ts';

const POLL_MS = 2_000;
const NEWEST = 12;

/** Lines that a build printed, as they are: other people's programs wrote them. */
export function BuildLines({ label, lines }: { label: string; lines: readonly string[] }) {
  return (
    <ScrollBox role="region" aria-label={label} className="max-h-96 overflow-auto rounded-md bg-surface-sunken px-3 py-2">
      <pre className="font-mono text-xs whitespace-pre-wrap break-words">{lines.join('\n')}</pre>
    </ScrollBox>
  );
}

/** For staff: what the build of the attempt's environment printed, and why its sandbox could not be made; nothing where nothing was built. */
export function BuildLog({ attemptId, state }: { attemptId: string; state: AttemptDetail['state'] }) {
  const [whole, setWhole] = useState(false);
  const most = whole ? BUILD_LOG_LINES : NEWEST;
  const { data, error } = useQuery({
    queryKey: ['attempt.buildLog', attemptId, most],
    queryFn: () => rpc.attempt.buildLog.query({ attemptId, most }),
    placeholderData: (before) => before,
    refetchInterval: state === 'provisioning' && POLL_MS,
  });
  if (error) return <Alert tone="warning">The build log cannot be read at the moment.</Alert>;
  if (!data) return null;
  const { lines, left, at } = data;
  return (
    <Card data-testid="build-log">
      <CardHeader
        title="Build log"
        description={
          <>
            What the last build of the environment printed, until <Time at={at} />.
            {left > 0 ? ` ${left} earlier ${left === 1 ? 'line is' : 'lines are'} not ${whole ? 'kept' : 'shown'}.` : ''}
          </>
        }
        actions={
          whole || left > 0 ? (
            <Button size="sm" aria-expanded={whole} onClick={() => setWhole(!whole)}>
              {whole ? 'Show the newest lines' : 'Show the whole log'}
            </Button>
          ) : null
        }
      />
      <CardBody>
        <BuildLines label="Build log" lines={lines} />
      </CardBody>
    </Card>
  );
}
