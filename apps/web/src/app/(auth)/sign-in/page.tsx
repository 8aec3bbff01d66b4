import type { Metadata } from 'next';
import { redirect } from 'next/navigation';
import { SignInForm } from '@/features/session/components/SignInForm.tsx';
import { returnPath } from '@/features/session/model/returnPath.ts';
import { currentSession } from '@/features/session/server/currentActor.ts';
import { needsFirstAdmin } from '@/features/session/server/firstAdmin.ts';

export const metadata: Metadata = { title: 'Sign in' };

export default async function SignInPage({ searchParams }: { searchParams: Promise<{ from?: string }> }) {
  const { from } = await searchParams;
  if (await needsFirstAdmin()) redirect('/setup');
  if (await currentSession()) redirect(returnPath(from));
  return <SignInForm returnTo={returnPath(from)} />;
}
