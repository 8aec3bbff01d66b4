'use client';
import type { Keymap } from '@plumbline/core';
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

/** The participant's workspace of one attempt: fills the height that its page gives it. Practice is where it is shown around. */
export function Workspace(props: { attemptId: string; title: string; isPractice: boolean; keymap: Keymap; userId: string; kept: unknown }) {
  return <Screen {...props} />;
}
