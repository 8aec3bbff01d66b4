import { NO_SETUP } from '@plumbline/core';
import type { Metadata } from 'next';
import { redirect } from 'next/navigation';
import { api, orRefuse } from '@/features/rpc/server/api.ts';
import { Workspace } from '@/features/workspace/index.ts';

export const metadata: Metadata = { title: 'Workspace' };

const UNDER_WAY = new Set(['running', 'paused']);

export default async function WorkPage({ params }: { params: Promise<{ attemptId: string }> }) {
  const { attemptId } = await params;
  const rpc = await api();
  const attempt = await orRefuse(rpc.attempt.get({ attemptId }), `/attempts/${attemptId}/work`);
  // Nobody works in another person's attempt; before the start and after the end there is no workspace.
  if (!attempt.isOwn || !UNDER_WAY.has(attempt.state)) redirect(`/attempts/${attemptId}`);
  const [{ id: userId }, kept, setup] = await Promise.all([
    rpc.self.get(),
    rpc.self.workspacePreferences(),
    rpc.attempt.setup({ attemptId }),
  ]);
  return (
    <div className="h-[calc(100dvh-2.5rem)] min-h-0">
      <Workspace
        attemptId={attemptId}
        title={attempt.title}
        isPractice={attempt.environment.family === 'practice'}
        userId={userId}
        kept={kept}
        keymap={setup?.keymap ?? NO_SETUP.keymap}
      />
    </div>
  );
}
