import { join } from 'node:path';
import { loadRecordingKeys } from '@plumbline/recording';
import { verifyRecording } from '@plumbline/recording/verify';
import { folderStore } from '@plumbline/storage';
import { temporaryFolder, testDatabase } from '@plumbline/testing';
import { afterAll, expect, test } from 'vitest';
import { seed } from './index.ts';

const database = await testDatabase();
const folder = await temporaryFolder();
const folders = { keys: join(folder.path, 'keys'), store: join(folder.path, 'store') };
afterAll(async () => {
  await database.drop();
  await folder.remove();
});

const counts = async () => {
  const { user, study, environment, assignment } = database.db.prisma;
  return {
    users: await user.count(),
    studies: await study.count(),
    environments: await environment.count(),
    assignments: await assignment.count(),
  };
};

test('an empty installation asks for its first admin', async () => {
  const lines = await seed({ databaseUrl: database.url, scenario: 'empty', folders });
  expect(lines.join()).toContain('first admin');
  expect(await counts()).toEqual({ users: 0, studies: 0, environments: 0, assignments: 0 });
});

test('the demo has one of each role, two open assignments and one that is finished, however often it is seeded', async () => {
  const lines = await seed({ databaseUrl: database.url, scenario: 'demo', folders });
  expect(lines.join('\n')).toContain('expert@demo.plumbline.local');
  const once = await counts();
  expect(once).toEqual({ users: 4, studies: 1, environments: 2, assignments: 3 });
  await seed({ databaseUrl: database.url, scenario: 'demo', folders });
  expect(await counts()).toEqual(once);
});

test('the finished attempt of the demo can be replayed and proven', async () => {
  const { db } = database;
  const attempt = await db.prisma.attempt.findFirstOrThrow({ include: { scores: true, segments: true } });
  expect(attempt).toMatchObject({ state: 'completed', endReason: 'submitted' });
  expect(attempt.scores.map((row) => row.trigger)).toContain('clean');
  const keys = await loadRecordingKeys(folders.keys);
  const report = await verifyRecording({ db, store: folderStore(folders.store), keys, attemptId: attempt.id });
  expect(report.verdict).toBe('intact');
});
