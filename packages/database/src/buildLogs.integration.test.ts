import { BUILD_LOG_LINES } from '@plumbline/protocol';
import { makeAttempt, type TestDatabase, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findBuildLog, saveBuildLog } from './buildLogs.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

test('a build log grows by what is told, is the same after that is told again, and begins anew with another build', async () => {
  const { db } = database;
  const { id } = (await makeAttempt(db)).attempt;
  expect(await findBuildLog(db, id, 10)).toBeNull();
  await saveBuildLog(db, id, 0, ['a', 'b']);
  await saveBuildLog(db, id, 2, ['c', 'nul \0 and half \ud800']);
  for (let again = 0; again < 2; again++) {
    expect(await findBuildLog(db, id, 10)).toMatchObject({ left: 0, lines: ['a', 'b', 'c', 'nul \ufffd and half \ufffd'] });
    await saveBuildLog(db, id, 1, ['b', 'c', 'nul \ufffd and half \ufffd']);
  }
  expect(await findBuildLog(db, id, 2)).toMatchObject({ left: 2, lines: ['c', 'nul \ufffd and half \ufffd'] });
  await saveBuildLog(db, id, 0, ['another']);
  expect(await findBuildLog(db, id, 10)).toMatchObject({ left: 0, lines: ['another'] });
});

test('of a build that prints without end the newest lines are kept, and how many there were before them', async () => {
  const { db } = database;
  const { id } = (await makeAttempt(db)).attempt;
  const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `${from + n}`);
  await saveBuildLog(db, id, 0, lines(0, BUILD_LOG_LINES));
  await saveBuildLog(db, id, BUILD_LOG_LINES, lines(BUILD_LOG_LINES, BUILD_LOG_LINES + 5));
  const kept = await findBuildLog(db, id, BUILD_LOG_LINES);
  expect(kept).toMatchObject({ left: 5 });
  expect(kept?.lines).toEqual(lines(5, BUILD_LOG_LINES + 5));
  // Some were lost with a gateway: what follows them stands alone.
  await saveBuildLog(db, id, 10_000, ['after a hole']);
  expect(await findBuildLog(db, id, 10)).toMatchObject({ left: 10_000, lines: ['after a hole'] });
});
