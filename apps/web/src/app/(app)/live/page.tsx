import { Page, PageHeader } from '@plumbline/ui';
import type { Metadata } from 'next';
import { LiveTable } from '@/features/live/components/LiveTable.tsx';
import { api, orRefuse } from '@/features/rpc/server/api.ts';

export const metadata: Metadata = { title: 'Live' };

export default async function LivePage() {
  const attempts = await orRefuse((await api()).live.list(), '/live');
  return (
    <Page width="full">
      <PageHeader
        title="Live"
        description="Every attempt that holds a sandbox now. Open one to see what its participant sees; you cannot type there."
      />
      <LiveTable initial={attempts} />
    </Page>
  );
}
