import type { Metadata } from 'next';
import { forbidden } from 'next/navigation';
import { momentAsked, Replay } from '@/features/replay/index.ts';
import { api, orRefuse } from '@/features/rpc/server/api.ts';
import { OwnAttempt } from '@/features/shell/components/Refusal.tsx';

export const metadata: Metadata = { title: 'Replay' };

type Params = { params: Promise<{ attemptId: string }>; searchParams: Promise<{ t?: string | string[] }> };

export default async function ReplayPage({ params, searchParams }: Params) {
  const { attemptId } = await params;
  const attempt = await orRefuse((await api()).attempt.get({ attemptId }), `/attempts/${attemptId}/replay`);
  if (attempt.isOwn) return <OwnAttempt />;
  if (!attempt.may.replay) forbidden();
  return (
    <div className="h-[calc(100dvh-2.5rem)] min-h-0">
      <Replay attemptId={attemptId} t={momentAsked((await searchParams).t)} />
    </div>
  );
}
