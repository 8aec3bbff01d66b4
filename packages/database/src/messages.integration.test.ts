import { makeAttempt, type TestDatabase, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listMessages, writeMessage } from './messages.ts';

let testing: TestDatabase;
beforeAll(async () => {
  testing = await testDatabase({ poolMax: 10 });
});
afterAll(() => testing.drop());

const MESSAGE = { author: 'participant', name: 'Participant', text: 'hello' } as const;

async function running(): Promise<string> {
  const { attempt } = await makeAttempt(testing.db);
  await testing.db.prisma.attempt.update({ where: { id: attempt.id }, data: { state: 'running' } });
  return attempt.id;
}

it('numbers messages without gaps, however many are written at once', async () => {
  const id = await running();
  await Promise.all(Array.from({ length: 5 }, () => writeMessage(testing.db, id, MESSAGE)));
  expect((await listMessages(testing.db, id)).map(({ n }) => n)).toEqual([1, 2, 3, 4, 5]);
  expect((await listMessages(testing.db, id, 3)).map(({ n }) => n)).toEqual([4, 5]);
});

it('takes what no column of text holds, and no message of an attempt that is not under way', async () => {
  const id = await running();
  expect((await writeMessage(testing.db, id, { ...MESSAGE, text: 'nul \0 and half a pair \ud800' })).text).not.toMatch(/\0/);
  await testing.db.prisma.attempt.update({ where: { id }, data: { state: 'completed' } });
  await expect(writeMessage(testing.db, id, MESSAGE)).rejects.toMatchObject({ code: 'clock_not_running' });
});

it('refuses what only a misuse would write: the five hundred and first', async () => {
  const id = await running();
  await testing.db.pool.query(
    `INSERT INTO message (attempt_id, n, at, author, name, text) SELECT $1, n, now(), 'participant', 'Participant', 'x' FROM generate_series(1, 499) n`,
    [id],
  );
  await writeMessage(testing.db, id, MESSAGE);
  await expect(writeMessage(testing.db, id, MESSAGE)).rejects.toMatchObject({ code: 'rate_limited' });
  expect(await listMessages(testing.db, id)).toHaveLength(500);
});
