import { AppError } from '@plumbline/core';
import type { Database } from './client.ts';
import { forgiveRateLimit, hitRateLimit, type RateLimitRule } from './rateLimit.ts';
import { createSession } from './sessions.ts';
import { normaliseEmail, verifyPassword } from './users.ts';

/** Failed sign-ins; those of an address are more, because a laboratory shares one. */
const ACCOUNT_RULE: RateLimitRule = { windowMs: 15 * 60_000, max: 10 };
const ADDRESS_RULE: RateLimitRule = { windowMs: 15 * 60_000, max: 100 };

/**
 * Signs a person in, within the limits on failures per account and per address.
 *
 * @returns the session's id.
 * @throws AppError `unauthenticated` for a wrong address or password, which are not told apart; `rate_limited`.
 */
export async function signIn(db: Database, attempt: { email: string; password: string; address: string }): Promise<string> {
  const keys = [
    `signin:account:${normaliseEmail(attempt.email).slice(0, 200)}`,
    `signin:address:${attempt.address.slice(0, 100)}`,
  ] as const;
  // Counted before the password is looked at, so that many tries at once are many tries; taken back when it was right.
  const limits = [await hitRateLimit(db, keys[0], ACCOUNT_RULE), await hitRateLimit(db, keys[1], ADDRESS_RULE)];
  const refused = limits.filter((limit) => !limit.allowed);
  if (refused.length > 0) {
    const minutes = Math.max(1, Math.ceil(Math.max(...refused.map((limit) => limit.retryAfterMs)) / 60_000));
    throw new AppError('rate_limited', `Too many failed sign-ins. Try again in ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}.`);
  }
  const user = await verifyPassword(db, attempt.email, attempt.password);
  if (user === null) throw new AppError('unauthenticated', 'The e-mail address or the password is wrong.');
  for (const key of keys) await forgiveRateLimit(db, key);
  return createSession(db, user.id);
}
