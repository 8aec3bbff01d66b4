'use client';
import { Card, CardBody, CardHeader, Page, PageHeader, Progress } from '@plumbline/ui';
import { useQuery } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useEffect } from 'react';
import { rpc } from '@/features/rpc/client.ts';
import type { AttemptDetail } from '../model/attemptDetail.ts';
import { firstProgress } from '../model/firstProgress.ts';
import { END_REASON_WORDS } from '../model/words.ts';
import { StateBadge } from './StateBadge.tsx';

const POLL_MS = 1_000;

/** Between the end of the clock and the sealed recording: nothing to do but to know what is going on. */
export function FinishingPage({ attempt }: { attempt: AttemptDetail }) {
  const router = useRouter();
  const { data } = useQuery({
    queryKey: ['attempt.progress', attempt.attemptId],
    queryFn: () => rpc.attempt.progress.query({ attemptId: attempt.attemptId }),
    initialData: firstProgress(attempt),
    refetchInterval: POLL_MS,
  });
  useEffect(() => {
    if (data.state !== 'finalising') router.refresh();
  }, [data.state, router]);
  return (
    <Page width="narrow">
      <PageHeader title={attempt.title} description={attempt.study} />
      <Card>
        <CardHeader
          title={attempt.endReason ? (END_REASON_WORDS[attempt.endReason] ?? 'The attempt is over') : 'The attempt is over'}
          actions={<StateBadge state="finalising" />}
        />
        <CardBody className="space-y-4">
          <p>
            The clock has stopped and your work is captured. The final state is being scored, once as it is and again in a clean sandbox;
            then the recording is sealed. You may close this page; the result’s page has four questions for you.
          </p>
          <Progress value={null} label={data.progress || 'Scoring the final state'} />
        </CardBody>
      </Card>
    </Page>
  );
}
