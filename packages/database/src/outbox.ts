import type { EventData, EventType } from '@plumbline/protocol';
import type { Database } from './client.ts';
import { storableJson } from './storableJson.ts';
import type { Queryable } from './transaction.ts';

/** The platform's own events on their way into the recording, numbered per attempt from 1 without gaps. */
export interface OutboxEntry {
  n: number;
  type: EventType;
  data: unknown;
  atMs: number;
}

/**
 * Puts an event into an attempt's outbox within the caller's transaction, which thereby locks the attempt. The recording has it
 * if and only if that transaction commits.
 */
export async function appendOutbox<T extends EventType>(
  tx: Queryable,
  attemptId: string,
  type: T,
  data: EventData<T>,
  atMs: number,
): Promise<number> {
  const { rows } = await tx.query(
    `WITH numbered AS (UPDATE attempt SET outbox_n = outbox_n + 1 WHERE id = $1 RETURNING outbox_n)
     INSERT INTO recording_outbox (attempt_id, n, type, data, at)
     SELECT $1, outbox_n, $2, $3::jsonb, to_timestamp($4::float8 / 1000) FROM numbered RETURNING n::float8 AS n`,
    [attemptId, type, storableJson(data), atMs],
  );
  return rows[0].n;
}

/** The next entries after `afterN`, in order. */
export async function takeOutbox(db: Database, attemptId: string, afterN: number, limit: number): Promise<OutboxEntry[]> {
  const { rows } = await db.pool.query(
    `SELECT n::float8 AS n, type, data, round(extract(epoch FROM at) * 1000)::float8 AS "atMs"
     FROM recording_outbox WHERE attempt_id = $1 AND n > $2 ORDER BY n LIMIT $3`,
    [attemptId, afterN, limit],
  );
  return rows;
}

/** Drops entries up to `n`, once the recording holds them. */
export async function clearOutbox(db: Database, attemptId: string, n: number): Promise<void> {
  await db.pool.query('DELETE FROM recording_outbox WHERE attempt_id = $1 AND n <= $2', [attemptId, n]);
}
