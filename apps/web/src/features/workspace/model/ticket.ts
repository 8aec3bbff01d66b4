import { AppError, ERROR_CODES, type ErrorCode } from '@plumbline/core';
import { TRPCClientError } from '@trpc/client';
import { rpc } from '../../rpc/client.ts';
import type { SocketLike } from './attemptSocket.ts';

const TICKET_WITHIN_MS = 10_000;

/**
 * A fresh single-use ticket for an attempt's socket. Called for each connection, outside the page's query cache: a
 * ticket that was handed out twice would be refused. Throws `AppError`; `unavailable` where the server cannot be reached.
 */
export async function requestTicket(attemptId: string): Promise<string> {
  try {
    const { ticket } = await rpc.attempt.ticket.mutate({ attemptId }, { signal: AbortSignal.timeout(TICKET_WITHIN_MS) });
    return ticket;
  } catch (cause) {
    const data: unknown = cause instanceof TRPCClientError ? cause.data : null;
    const app = typeof data === 'object' && data !== null && 'app' in data ? data.app : null;
    if (typeof app === 'string' && app in ERROR_CODES) throw new AppError(app as ErrorCode, (cause as Error).message, { cause });
    throw new AppError('unavailable', 'The server cannot be reached.', { cause });
  }
}

/** Opens the attempt's socket with a ticket. */
export function openAttemptSocket(ticket: string): SocketLike {
  const url = new URL(`/realtime/attempt?ticket=${encodeURIComponent(ticket)}`, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return new WebSocket(url) as unknown as SocketLike;
}
