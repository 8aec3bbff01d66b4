import type { Metadata } from 'next';
import { redirect } from 'next/navigation';
import { FirstAdminForm } from '@/features/session/components/FirstAdminForm.tsx';
import { needsFirstAdmin } from '@/features/session/server/firstAdmin.ts';

export const metadata: Metadata = { title: 'Set up' };

export default async function SetupPage() {
  if (!(await needsFirstAdmin())) redirect('/sign-in');
  return <FirstAdminForm />;
}
