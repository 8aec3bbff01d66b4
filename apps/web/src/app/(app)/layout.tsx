import { headers } from 'next/headers';
import { redirect } from 'next/navigation';
import type { ReactNode } from 'react';
import { api } from '@/features/rpc/server/api.ts';
import { currentSession } from '@/features/session/server/currentActor.ts';
import { TopBar } from '@/features/shell/components/TopBar.tsx';
import { pagesFor } from '@/features/shell/model/navigation.ts';

/** Everything behind the sign-in. It only shows the bar: each page asks for itself whether it may be seen. */
export default async function AppLayout({ children }: { children: ReactNode }) {
  const session = await currentSession();
  if (!session) redirect(`/sign-in?from=${encodeURIComponent((await headers()).get('x-plumbline-path') ?? '/')}`);
  const user = await (await api()).self.get();
  return (
    <div className="flex min-h-dvh flex-col">
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:m-2 focus:rounded focus:bg-surface focus:px-3 focus:py-1"
      >
        Skip to the page
      </a>
      <TopBar pages={pagesFor(session.actor.role)} user={user} />
      <main id="main" className="flex min-h-0 flex-1 flex-col">
        {children}
      </main>
    </div>
  );
}
