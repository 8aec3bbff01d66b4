import { type TestDatabase, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inTransaction, withAdvisoryLock } from './transaction.ts';

let testing: TestDatabase;
beforeAll(async () => {
  testing = await testDatabase({ poolMax: 2 });
});
afterAll(() => testing.drop());

// Otherwise the process ends, and this run with it.
test('a connection that dies in a transaction fails that transaction and no more, and one that dies with a lock not even the work', async () => {
  const { db } = testing;
  await expect(inTransaction(db, (tx) => tx.query('SELECT pg_terminate_backend(pg_backend_pid())'))).rejects.toThrow(/terminating/);

  const work = async () => {
    const { rows } = await db.pool.query(
      `SELECT pid, pg_terminate_backend(pid) FROM pg_locks
       WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    const [{ pid }] = rows;
    await expect.poll(async () => (await db.pool.query('SELECT 1 FROM pg_stat_activity WHERE pid = $1', [pid])).rows).toEqual([]);
    return 'done';
  };
  expect(await withAdvisoryLock(db, 'kind', 'subject', work)).toBe('done');
  expect((await inTransaction(db, (tx) => tx.query('SELECT 1 AS one'))).rows).toEqual([{ one: 1 }]);
});
