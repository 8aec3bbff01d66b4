import type { AttemptSession } from './attemptSession.ts';

/** Pages that programs of the sandbox serve on its own loopback. */

export interface SandboxAddress {
  port: number;
  /** With the query: a notebook's token stands there. */
  path: string;
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]', '0.0.0.0', '[::]']);

/** Where a link that a terminal shows leads in the sandbox; null for one that leads elsewhere. */
export function sandboxAddress(link: string): SandboxAddress | null {
  if (!URL.canParse(link)) return null;
  const { protocol, hostname, port, pathname, search } = new URL(link);
  if (protocol !== 'http:' || !LOOPBACK.has(hostname)) return null;
  return { port: port === '' ? 80 : Number(port), path: pathname + search };
}

/** Opens a page of the sandbox in a tab of its own, on a host name that is this attempt's alone. */
export async function openSandboxPage(session: AttemptSession, { port, path }: SandboxAddress): Promise<void> {
  const { url } = await session.ask('port.open', { port, path });
  window.open(url, '_blank', 'noopener,noreferrer');
}
