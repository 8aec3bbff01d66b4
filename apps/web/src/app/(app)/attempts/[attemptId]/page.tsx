import type { Metadata } from 'next';
import { FinishingPage } from '@/features/attempt/components/FinishingPage.tsx';
import { Lobby } from '@/features/attempt/components/Lobby.tsx';
import { ResultPage } from '@/features/attempt/components/ResultPage.tsx';
import { STATES_BEFORE_THE_END } from '@/features/attempt/model/states.ts';
import { api, orRefuse } from '@/features/rpc/server/api.ts';

export const metadata: Metadata = { title: 'Attempt' };

export default async function AttemptPage({ params }: { params: Promise<{ attemptId: string }> }) {
  const { attemptId } = await params;
  const rpc = await api();
  const attempt = await orRefuse(rpc.attempt.get({ attemptId }), `/attempts/${attemptId}`);
  const agreement = await rpc.agreement.ofAttempt({ attemptId });
  if (attempt.isOwn && STATES_BEFORE_THE_END.has(attempt.state)) return <Lobby attempt={attempt} agreement={agreement} />;
  // One that is scored again stays a complete one to its participant.
  if (attempt.isOwn && attempt.state === 'finalising' && attempt.completedAt === null) return <FinishingPage attempt={attempt} />;
  return <ResultPage attempt={attempt} agreement={agreement} setup={await rpc.attempt.setup({ attemptId })} />;
}
