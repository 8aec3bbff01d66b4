import type { IncomingMessage, ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { AppError, assertCan, toAppError } from '@plumbline/core';
import { redeemTicket } from '@plumbline/database';
import { CLOCK_REASON_MAX } from '@plumbline/protocol';
import { z } from 'zod';
import type { AttemptRegistry } from './attemptRegistry.ts';
import type { Gateway } from './gateway.ts';
import { pauseAttempt } from './pausing.ts';

/** The ticket is 43 characters and the reason is bounded: whatever is longer is not read to its end. */
const BODY_MAX_BYTES = 8 * 1024;

const Order = z.object({ ticket: z.string().max(100), reason: z.string().trim().min(1).max(CLOCK_REASON_MAX) });

/**
 * `POST /realtime/pause` for the web process, with a single-use ticket that it minted for the member of staff who asks: pausing is the one
 * act on a clock that needs the sandbox, which must stand still before the pause is written. Answered 204, or with an error's code and words.
 */
export async function handleStaffPause(
  { gateway, registry }: { gateway: Gateway; registry: AttemptRegistry },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    if (Number(request.headers['content-length'] ?? Number.NaN) > BODY_MAX_BYTES || request.headers['content-length'] === undefined) {
      throw new AppError('too_large', 'An order to pause is short.');
    }
    const order = Order.safeParse(await json(request).catch(() => null));
    if (!order.success) throw new AppError('invalid_input', 'An order to pause has a ticket and a reason.');
    const { actor, attemptId, purpose } = await redeemTicket(gateway.db, order.data.ticket);
    if (purpose !== 'pause') throw new AppError('unauthenticated', 'This ticket is not for a pause. Reload the page.');
    const attempt = registry.find(attemptId);
    if (attempt === null) throw new AppError('sandbox_unavailable', 'The sandbox is not connected right now, so nothing can be frozen.');
    assertCan(actor, 'attempt.pause', { ownerUserId: attempt.view.ownerUserId, state: attempt.view.state });
    await pauseAttempt(attempt, { staff: actor.userId, note: order.data.reason });
    response.writeHead(204).end();
  } catch (error) {
    const { status, code, message, cause } = toAppError(error);
    if (code === 'internal') gateway.log.error({ error: String(cause) }, 'staff could not pause an attempt');
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify({ code, message }));
  }
}
