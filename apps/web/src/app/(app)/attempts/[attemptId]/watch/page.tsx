import type { Metadata } from 'next';
import { forbidden } from 'next/navigation';
import { Replay } from '@/features/replay/index.ts';
import { api, orRefuse } from '@/features/rpc/server/api.ts';

export const metadata: Metadata = { title: 'Watch' };

export default async function WatchPage({ params }: { params: Promise<{ attemptId: string }> }) {
  const { attemptId } = await params;
  const attempt = await orRefuse((await api()).attempt.get({ attemptId }), `/attempts/${attemptId}/watch`);
  if (!attempt.may.watch) forbidden();
  return (
    <div className="h-[calc(100dvh-2.5rem)] min-h-0">
      <Replay attemptId={attemptId} watching />
    </div>
  );
}
