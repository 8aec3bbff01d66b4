import { afterAll, expect, test } from 'vitest';
import { makeAttempt } from './fixtures.ts';
import { testDatabase } from './testDatabase.ts';

const database = await testDatabase();
const other = await testDatabase();
afterAll(async () => {
  await database.drop();
  await other.drop();
});

test('each call gives an empty database with every table', async () => {
  const { attempt } = await makeAttempt(database.db);
  expect(attempt.state).toBe('scheduled');
  expect(await database.db.prisma.attempt.count()).toBe(1);
  expect(await other.db.prisma.attempt.count()).toBe(0);
});

test('an attempt has one open pause at most', async () => {
  const { attempt } = await makeAttempt(database.db);
  const pause = { attemptId: attempt.id, reason: 'break', startedAt: new Date() };
  await database.db.prisma.pause.create({ data: { ...pause, endedAt: new Date() } });
  await database.db.prisma.pause.create({ data: pause });
  await expect(database.db.prisma.pause.create({ data: pause })).rejects.toThrow(/[Uu]nique/);
});
