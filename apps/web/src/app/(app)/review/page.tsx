import { Page, PageHeader } from '@plumbline/ui';
import type { Metadata } from 'next';
import { ReviewTable } from '@/features/review/components/ReviewTable.tsx';
import { api, orRefuse } from '@/features/rpc/server/api.ts';

export const metadata: Metadata = { title: 'Review' };

export default async function ReviewPage() {
  const attempts = await orRefuse((await api()).review.list(), '/review');
  return (
    <Page width="full">
      <PageHeader
        title="Review"
        description="Finished attempts, the latest first. A replay plays terminals, editor and scores on one timeline."
      />
      <ReviewTable attempts={attempts} />
    </Page>
  );
}
