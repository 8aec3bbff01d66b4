import '@xterm/xterm/css/xterm.css';
import type { ReactNode } from 'react';

/** The pages of one attempt, which show terminals: what xterm draws with comes along for all of them. */
export default function AttemptLayout({ children }: { children: ReactNode }) {
  return children;
}
