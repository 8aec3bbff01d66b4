import { AppError } from '@plumbline/core';
import { mintTicket, portHostLabel } from '@plumbline/database';
import type { RequestArgs, RequestResult } from '@plumbline/protocol';
import type { LiveAttempt } from '../liveAttempt.ts';
import { assertRunning, runnerOf } from '../pausing.ts';

/** The path that turns a ticket into a host name's cookie. Nothing else of that host is the platform's. */
export const OPEN_PATH = '/.plumbline/open';

/**
 * The address at which a person's browser opens a page of the sandbox: a host name of this sign-in, attempt and port,
 * with a single-use ticket.
 *
 * @throws AppError `unavailable` where the installation has no host for ports.
 */
export async function openPort(
  attempt: LiveAttempt,
  { port, path }: RequestArgs<'port.open'>,
  { userId, sessionId }: { userId: string | null; sessionId: string | null },
): Promise<RequestResult<'port.open'>> {
  assertRunning(attempt);
  runnerOf(attempt);
  const { db, portOrigin } = attempt.gateway;
  if (userId === null || sessionId === null) throw new AppError('forbidden', 'Open pages of the sandbox in the browser.');
  if (portOrigin === null)
    throw new AppError('unavailable', 'This installation cannot open pages of the sandbox: its operator has to set PORTS_URL.');
  const label = await portHostLabel(db, { attemptId: attempt.id, sessionId, port });
  const { ticket } = await mintTicket(db, { userId, sessionId, attemptId: attempt.id, purpose: 'port' });
  // A query may carry the token of a notebook.
  attempt.recordOwn('port.opened', { port, path: path.split(/[?#]/, 1)[0] });
  return { url: `${portOrigin.of(label)}${OPEN_PATH}?${new URLSearchParams({ ticket, path })}` };
}
