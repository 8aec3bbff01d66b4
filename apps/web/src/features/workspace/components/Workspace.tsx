'use client';
import { Spinner } from '@plumbline/ui';
import dynamic from 'next/dynamic';

// The screen needs a browser from its first line: terminals, the editor and the link exist only there.
const Screen = dynamic(() => import('./WorkspaceScreen.tsx').then((module) => module.WorkspaceScreen), {
  ssr: false,
  loading: () => (
    <div className="flex h-full items-center justify-center">
      <Spinner label="Loading the workspace" />
    </div>
  ),
});

/** The participant's workspace of one attempt: fills the height that its page gives it. */
export function Workspace({ attemptId, title }: { attemptId: string; title: string }) {
  return <Screen attemptId={attemptId} title={title} />;
}
