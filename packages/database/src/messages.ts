import { AppError, isUnderWay } from '@plumbline/core';
import { notify } from './channels.ts';
import type { Database, Message } from './client.ts';
import { lockAttempt } from './lockedAttempt.ts';
import { appendOutbox } from './outbox.ts';
import { storableText } from './storableJson.ts';
import { inTransaction } from './transaction.ts';

export type MessageRecord = Message;

/** More than this is a misuse, of either side. */
const MESSAGES_MAX = 500;

/**
 * Adds a message to what participant and staff write to each other, and to the recording. The gateway shows it to both.
 *
 * @throws AppError `clock_not_running` for an attempt that is not under way, `rate_limited` after very many.
 */
export function writeMessage(
  db: Database,
  attemptId: string,
  { author, name, text }: { author: 'participant' | 'staff'; name: string; text: string },
): Promise<MessageRecord> {
  return inTransaction(db, async (tx) => {
    const { state, nowMs } = await lockAttempt(tx, attemptId);
    if (!isUnderWay(state)) throw new AppError('clock_not_running', 'Messages can be written while the attempt runs or is paused.');
    const { rows } = await tx.query('SELECT coalesce(max(n), 0)::int + 1 AS n FROM message WHERE attempt_id = $1', [attemptId]);
    const message = { attemptId, n: rows[0].n as number, at: new Date(nowMs), author, name: storableText(name), text: storableText(text) };
    if (message.n > MESSAGES_MAX)
      throw new AppError('rate_limited', 'There are very many messages already. Use another way to reach each other.');
    await tx.query('INSERT INTO message (attempt_id, n, at, author, name, text) VALUES ($1, $2, $3, $4, $5, $6)', [
      attemptId,
      message.n,
      message.at,
      message.author,
      message.name,
      message.text,
    ]);
    if (author === 'staff') await appendOutbox(tx, attemptId, 'message.sent', { from: message.name, text: message.text }, nowMs);
    else await appendOutbox(tx, attemptId, 'issue.reported', { n: message.n, text: message.text }, nowMs);
    await notify(tx, 'attempt', attemptId);
    return message;
  });
}

/** An attempt's messages in order, those after number `afterN`. */
export function listMessages(db: Database, attemptId: string, afterN = 0): Promise<MessageRecord[]> {
  return db.prisma.message.findMany({ where: { attemptId, n: { gt: afterN } }, orderBy: { n: 'asc' } });
}
