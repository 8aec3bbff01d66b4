import type { Metadata } from 'next';
import { api, orRefuse } from '@/features/rpc/server/api.ts';
import { currentActor } from '@/features/session/server/currentActor.ts';
import { UsersPage } from '@/features/users/components/UsersPage.tsx';

export const metadata: Metadata = { title: 'Users' };

export default async function Users() {
  const users = await orRefuse((await api()).user.list(), '/users');
  const actor = await currentActor();
  return <UsersPage initial={users} ownId={actor?.userId ?? ''} />;
}
