import { type Actor, OWN_ATTEMPT_WORDS } from '@plumbline/core';
import { exampleSettings, makeAttempt, makeUser, type TestDatabase, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createCaller } from './appRouter.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

function exportsAs(actor: Actor) {
  const rest = { sessionId: null, clock: { nowMs: Date.now }, workspaceRetentionMs: 0 };
  return createCaller({ actor, db: database.db, ...rest, pauseLive: async () => {}, lastInputAtMs: async () => null }).export;
}

async function completedAttempt(): Promise<{ attemptId: string; ownerUserId: string }> {
  const { attempt, expert } = await makeAttempt(database.db, { environmentSettings: exampleSettings() });
  await database.db.prisma.attempt.update({ where: { id: attempt.id }, data: { state: 'completed' } });
  return { attemptId: attempt.id, ownerUserId: expert.id };
}

it.each(['researcher', 'admin'] as const)('a %s makes and is offered no export with an attempt of their own in it', async (role) => {
  const [own, others] = [await completedAttempt(), await completedAttempt()];
  const participant = { userId: own.ownerUserId, role };
  const colleague = { userId: (await makeUser(database.db, role)).id, role };
  for (const attemptIds of [[own.attemptId], [others.attemptId, own.attemptId]]) {
    const refused = exportsAs(participant).create({ attemptIds });
    await expect(refused).rejects.toMatchObject({ code: 'FORBIDDEN', message: OWN_ATTEMPT_WORDS });
  }
  const { exportId: withOwn } = await exportsAs(colleague).create({ attemptIds: [others.attemptId, own.attemptId] });
  const { exportId: withoutOwn } = await exportsAs(participant).create({ attemptIds: [others.attemptId] });
  const offered = async (reader: Actor) =>
    (await exportsAs(reader).list()).flatMap(({ exportId, mayDownload }) => (mayDownload ? [exportId] : []));
  expect(await offered(participant)).toContain(withoutOwn);
  expect(await offered(participant)).not.toContain(withOwn);
  expect(await offered(colleague)).toEqual(expect.arrayContaining([withOwn, withoutOwn]));
});
