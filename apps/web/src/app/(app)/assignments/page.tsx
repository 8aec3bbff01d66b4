import type { Metadata } from 'next';
import { api, orRefuse } from '@/features/rpc/server/api.ts';
import { AssignmentsPage } from '@/features/studies/components/AssignmentsPage.tsx';

export const metadata: Metadata = { title: 'Assignments' };

export default async function Assignments() {
  const caller = await api();
  const assignments = await orRefuse(caller.study.assignments(), '/assignments');
  const [studies, candidates] = await Promise.all([caller.study.list(), caller.study.candidates()]);
  return <AssignmentsPage initial={assignments} studies={studies} candidates={candidates} />;
}
