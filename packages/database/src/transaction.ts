import type pg from 'pg';
import type { Database } from './client.ts';

/** A connection inside a transaction, or the pool: what a single statement can run on. */
export type Queryable = Pick<pg.PoolClient, 'query'>;

/** Runs `work` in one transaction. Anything it throws rolls all of it back, notifications included. */
export async function inTransaction<T>(db: Pick<Database, 'pool'>, work: (tx: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await db.pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((rollbackError: Error) => {
      // The connection is gone, and with it the transaction: it must not go back into the pool.
      broken = rollbackError;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

/** The database's clock in whole milliseconds since the epoch: the only clock that dates anything. */
export async function databaseNowMs(on: Queryable): Promise<number> {
  const { rows } = await on.query('SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms');
  return rows[0].now_ms;
}

/**
 * Runs `work` while no other process runs work of this kind on the same subject. Waits for its turn.
 *
 * The lock is the connection's: a process that dies lets go of it.
 */
export async function withAdvisoryLock<T>(db: Database, kind: string, subject: string, work: () => Promise<T>): Promise<T> {
  const client = await db.pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('SELECT pg_advisory_lock(hashtext($1), hashtext($2))', [kind, subject]);
    try {
      return await work();
    } finally {
      await client.query('SELECT pg_advisory_unlock(hashtext($1), hashtext($2))', [kind, subject]).catch((error: Error) => {
        broken = error;
      });
    }
  } finally {
    client.release(broken);
  }
}

/** The same lock until the transaction ends, if nobody has it; outside of a transaction, whether anybody has. */
export async function tryAdvisoryLock(on: Queryable, kind: string, subject: string): Promise<boolean> {
  const { rows } = await on.query('SELECT pg_try_advisory_xact_lock(hashtext($1), hashtext($2)) AS taken', [kind, subject]);
  return rows[0].taken;
}
