import type { Metadata } from 'next';
import { forbidden } from 'next/navigation';
import { Replay } from '@/features/replay/index.ts';
import { api, orRefuse } from '@/features/rpc/server/api.ts';

export const metadata: Metadata = { title: 'Replay' };

export default async function ReplayPage({ params }: { params: Promise<{ attemptId: string }> }) {
  const { attemptId } = await params;
  const attempt = await orRefuse((await api()).attempt.get({ attemptId }), `/attempts/${attemptId}/replay`);
  if (!attempt.may.replay) forbidden();
  return (
    <div className="h-[calc(100dvh-2.5rem)] min-h-0">
      <Replay attemptId={attemptId} />
    </div>
  );
}
