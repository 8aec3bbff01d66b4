import { Page, PageHeader } from '@plumbline/ui';
import type { Metadata } from 'next';
import { HostsOverview } from '@/features/hosts/components/HostsOverview.tsx';
import { api, orRefuse } from '@/features/rpc/server/api.ts';

export const metadata: Metadata = { title: 'Hosts' };

export default async function HostsPage() {
  const overview = await orRefuse((await api()).host.overview(), '/hosts');
  return (
    <Page width="full">
      <PageHeader
        title="Hosts"
        description="The machines on which sandboxes run: what each has, which attempts hold it, and who waits. A machine is leased for the limit, the pauses and a margin, and free again when a listing has shown that nothing runs there."
      />
      <HostsOverview initial={overview} />
    </Page>
  );
}
