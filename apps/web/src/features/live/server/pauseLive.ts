import { AppError, ERROR_CODES, type ErrorCode } from '@plumbline/core';
import { platformSettings } from '../../platform/server/platform.ts';

/** Cancelling a score and freezing take seconds; whoever asked is told to look when it takes longer. */
const ANSWER_WITHIN_MS = 30_000;

/** Has the gateway pause an attempt: it alone can have the sandbox stand still before the pause is written. See `ApiContext`. */
export async function pauseLive(order: { ticket: string; reason: string }): Promise<void> {
  const body = JSON.stringify(order);
  let response: Response;
  try {
    response = await fetch(`http://127.0.0.1:${platformSettings().gatewayPort}/realtime/pause`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
  } catch (error) {
    throw new AppError('unavailable', 'The platform did not answer in time. Look whether the attempt is paused before you try again.', {
      cause: error,
    });
  }
  if (response.ok) return;
  const refused = (await response.json().catch(() => ({}))) as { code?: string; message?: string };
  const code: ErrorCode = Object.hasOwn(ERROR_CODES, refused.code ?? '') ? (refused.code as ErrorCode) : 'unavailable';
  throw new AppError(code, refused.message ?? 'The attempt could not be paused. Try again.');
}
