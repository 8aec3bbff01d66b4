import type { Queryable } from './transaction.ts';

/** Channels of NOTIFY. Payloads are ids alone; whoever listens reads the row. Delivered when the transaction commits. */
export const CHANNELS = {
  /** An attempt's state, clock, scores, notes or outbox changed; the payload is its id. */
  attempt: 'plumbline_attempt',
  /** A sign-in ended; the payload is its id. Sockets opened with it close. */
  session: 'plumbline_session',
  /** A recording was erased; the payload is its attempt's id. What was made of it elsewhere goes too. */
  erased: 'plumbline_erased',
} as const;

export async function notify(on: Queryable, channel: keyof typeof CHANNELS, id: string): Promise<void> {
  await on.query('SELECT pg_notify($1, $2)', [CHANNELS[channel], id]);
}
