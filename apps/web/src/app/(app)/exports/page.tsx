import { Page, PageHeader } from '@plumbline/ui';
import type { Metadata } from 'next';
import { ExportList } from '@/features/exports/components/ExportList.tsx';
import { NewExport } from '@/features/exports/components/NewExport.tsx';
import { api, orRefuse } from '@/features/rpc/server/api.ts';

export const metadata: Metadata = { title: 'Exports' };

export default async function ExportsPage() {
  const caller = await api();
  const exports = await orRefuse(caller.export.list(), '/exports');
  const finished = await orRefuse(caller.review.list(), '/exports');
  const completed = finished.filter(({ state, isOwn }) => state === 'completed' && !isOwn);
  return (
    <Page>
      <PageHeader
        title="Exports"
        description="Choose completed attempts and build an archive of their scores, events and terminal casts, with checksums."
      />
      <NewExport attempts={completed} />
      <ExportList initial={exports} />
    </Page>
  );
}
