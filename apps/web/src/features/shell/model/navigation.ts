import { can, type GeneralAct, type Role } from '@plumbline/core';

const PAGES: { href: string; label: string; act: GeneralAct }[] = [
  { href: '/', label: 'Home', act: 'self.read' },
  { href: '/live', label: 'Live', act: 'attempt.listLive' },
  { href: '/review', label: 'Review', act: 'attempt.listFinished' },
  { href: '/exports', label: 'Exports', act: 'export.list' },
  { href: '/assignments', label: 'Assignments', act: 'assignment.read' },
  { href: '/agreements', label: 'Agreements', act: 'agreement.read' },
  { href: '/environments', label: 'Environments', act: 'environment.read' },
  { href: '/hosts', label: 'Hosts', act: 'host.read' },
  { href: '/users', label: 'Users', act: 'user.list' },
  { href: '/help', label: 'Help', act: 'self.read' },
];

/** The pages that somebody of this role may open. The pages themselves refuse the others. */
export function pagesFor(role: Role): { href: string; label: string }[] {
  return PAGES.filter((page) => can({ userId: '', role }, page.act)).map(({ href, label }) => ({ href, label }));
}
