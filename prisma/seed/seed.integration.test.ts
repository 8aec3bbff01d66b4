import { testDatabase } from '@plumbline/testing';
import { afterAll, expect, test } from 'vitest';
import { seed } from './index.ts';

const database = await testDatabase();
afterAll(() => database.drop());

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
  const lines = await seed({ databaseUrl: database.url, scenario: 'empty' });
  expect(lines.join()).toContain('first admin');
  expect(await counts()).toEqual({ users: 0, studies: 0, environments: 0, assignments: 0 });
});

test('the demo has one of each role and two open assignments, however often it is seeded', async () => {
  const lines = await seed({ databaseUrl: database.url, scenario: 'demo' });
  expect(lines.join('\n')).toContain('expert@demo.plumbline.local');
  const once = await counts();
  expect(once).toEqual({ users: 4, studies: 1, environments: 2, assignments: 2 });
  await seed({ databaseUrl: database.url, scenario: 'demo' });
  expect(await counts()).toEqual(once);
});
