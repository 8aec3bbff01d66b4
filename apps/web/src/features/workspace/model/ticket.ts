import { AppError, ERROR_CODES, type ErrorCode } from '@plumbline/core';
import { z } from 'zod';

export type TicketPurpose = 'participate' | 'watch';

const Answer = z.object({ result: z.object({ data: z.object({ json: z.object({ ticket: z.string() }) }) }) });
const Refusal = z.object({ error: z.object({ json: z.object({ message: z.string(), data: z.object({ appCode: z.string() }).partial().optional() }) }) });

const CODE_OF_STATUS: Record<number, ErrorCode> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  429: 'rate_limited',
};

/**
 * A fresh single-use ticket for an attempt's socket. Called for each connection, outside the page's query cache: a
 * ticket that was handed out twice would be refused. Throws `AppError`; `unavailable` where the server cannot be reached.
 */
export async function requestTicket(attemptId: string, purpose: TicketPurpose): Promise<string> {
  let response: Response;
  try {
    response = await fetch('/api/trpc/attempt.ticket', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ json: { attemptId, purpose } }),
      signal: AbortSignal.timeout(10_000),
    });
  } catch (cause) {
    throw new AppError('unavailable', 'The server cannot be reached.', { cause });
  }
  const body: unknown = await response.json().catch(() => null);
  const answer = Answer.safeParse(body);
  if (response.ok && answer.success) return answer.data.result.data.json.ticket;
  const refusal = Refusal.safeParse(body);
  const named = refusal.success ? refusal.data.error.json.data?.appCode : undefined;
  const code = named && named in ERROR_CODES ? (named as ErrorCode) : (CODE_OF_STATUS[response.status] ?? 'unavailable');
  throw new AppError(code, refusal.success ? refusal.data.error.json.message : 'The server did not give a ticket for the workspace.');
}
