import type { Metadata } from 'next';
import { AgreementsPage } from '@/features/agreement/components/AgreementsPage.tsx';
import { api, orRefuse } from '@/features/rpc/server/api.ts';

export const metadata: Metadata = { title: 'Agreements' };

export default async function Agreements() {
  return <AgreementsPage initial={await orRefuse((await api()).agreement.list(), '/agreements')} />;
}
