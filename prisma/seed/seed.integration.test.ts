import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadRecordingKeys } from '@plumbline/recording';
import { verifyRecording } from '@plumbline/recording/verify';
import { folderStore } from '@plumbline/storage';
import { temporaryFolder, testDatabase } from '@plumbline/testing';
import { afterAll, expect, test } from 'vitest';
import { seedDemo } from './demo.ts';
import { seed } from './index.ts';

const database = await testDatabase();
const folder = await temporaryFolder();
const folders = { keys: join(folder.path, 'keys'), store: join(folder.path, 'store') };
afterAll(async () => {
  await database.drop();
  await folder.remove();
});

const counts = async () => {
  const { user, study, environment, assignment, agreementVersion, consentAnswer } = database.db.prisma;
  return {
    users: await user.count(),
    studies: await study.count(),
    environments: await environment.count(),
    assignments: await assignment.count(),
    agreements: await agreementVersion.count(),
    answers: await consentAnswer.count(),
  };
};

test('an empty installation asks for its first admin', async () => {
  const lines = await seed({ databaseUrl: database.url, scenario: 'empty', folders });
  expect(lines.join()).toContain('first admin');
  expect(await counts()).toEqual({ users: 0, studies: 0, environments: 0, assignments: 0, agreements: 0, answers: 0 });
});

test('the demo has one of each role, two open assignments and one that is finished, under an agreement, however often it is seeded', async () => {
  const lines = await seed({ databaseUrl: database.url, scenario: 'demo', folders });
  expect(lines.join('\n')).toContain('expert@demo.plumbline.local');
  const once = await counts();
  expect(once).toEqual({ users: 4, studies: 1, environments: 2, assignments: 3, agreements: 1, answers: 1 });
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

test('a family whose manifest is broken is left out of the demo, by file, line and key, and is there once it is mended', async () => {
  const fresh = await testDatabase();
  const environments = join(folder.path, 'environments');
  cpSync(join(import.meta.dirname, '../../environments'), environments, { recursive: true });
  const assigned = async () => {
    const rows = await fresh.db.prisma.assignment.findMany({
      where: { participant: { userId: { not: null } } },
      include: { environment: true },
    });
    return rows.map(({ environment }) => environment.family).sort();
  };
  const manifests = ['practice', 're-bench/optimize_kernel'].map((dir) => join(environments, dir, 'manifest.yaml'));
  const texts = manifests.map((path) => readFileSync(path, 'utf8'));
  const start = () => seedDemo(fresh.db, folders, environments);
  try {
    writeFileSync(manifests[1] as string, `${texts[1]}\nresorces: {}\n`);
    const line = (texts[1] as string).split('\n').length + 1;
    const lines = await start();
    expect(lines).toContain('  expert@demo.plumbline.local');
    expect(lines.slice(-3)).toEqual([
      'The demo goes without environments/re-bench/optimize_kernel, whose files have a mistake:',
      `  optimize_kernel/manifest.yaml:${line}: resorces: this key is not known; check its spelling and its place.`,
      'Mend it, check it with `npm run plumb -- environment check environments/re-bench/optimize_kernel`, and start again.',
    ]);
    expect(await assigned()).toEqual(['practice']);
    expect(await fresh.db.prisma.attempt.count({ where: { state: 'completed' } })).toBe(1);

    for (const [n, text] of ['tasks: {other: {}}\n', 'tasks: [\n'].entries()) writeFileSync(manifests[n] as string, text);
    const words = (await start()).join('\n');
    expect(words).toMatch(/^ {2}practice\/manifest\.yaml:1: tasks\.main: this key is missing\. For example: main: \{\}$/m);
    expect(words).toMatch(/^ {2}optimize_kernel\/manifest\.yaml:\d+: /m);
    expect(await assigned()).toEqual(['practice']);

    for (const [n, text] of texts.entries()) writeFileSync(manifests[n] as string, text);
    expect(await start()).toHaveLength(5);
    expect(await assigned()).toEqual(['optimize_kernel', 'practice']);
  } finally {
    await fresh.drop();
  }
});
