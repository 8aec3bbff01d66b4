import { type Actor, CONSENTS, type Consents, OWN_ATTEMPT_WORDS } from '@plumbline/core';
import { answerAgreement, findAgreement, writeAgreement } from '@plumbline/database/agreements';
import { finishExport } from '@plumbline/database/exports';
import { exampleSettings, makeAttempt, makeUser, type TestDatabase, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { callerOf } from './caller.fixture.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

const exportsAs = (actor: Actor) => callerOf(database.db, actor).export;

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

it('whoever lists exports is told of consent that was taken back since one was built, and of what one left out', async () => {
  const { db } = database;
  const { attempt, study } = await makeAttempt(db, { environmentSettings: exampleSettings() });
  await db.prisma.attempt.update({ where: { id: attempt.id }, data: { state: 'completed', startedAt: new Date(), endedAt: new Date() } });
  await writeAgreement(db, study.id, { text: 'A text.', contact: 'x', withdrawUntil: new Date(Date.now() + 60_000) }, { by: null });
  const versionId = (await findAgreement(db, attempt.id)).version?.id as string;
  const answer = (gatedRelease: boolean) => {
    const consents = { ...(Object.fromEntries(CONSENTS.map((consent) => [consent, true])) as Consents), gatedRelease };
    return answerAgreement(db, attempt.id, { versionId, consents });
  };
  await answer(true);
  const researcher = exportsAs({ userId: (await makeUser(db, 'researcher')).id, role: 'researcher' });
  const { exportId } = await researcher.create({ attemptIds: [attempt.id, (await completedAttempt()).attemptId] });
  await finishExport(db, exportId, { objectHash: '', bytes: 0, leftOut: 1, answers: {}, recordings: {} });
  const listed = async () => (await researcher.list()).find((row) => row.exportId === exportId);
  expect(await listed()).toMatchObject({ attempts: 1, leftOut: 1, withdrawnSince: 0 });
  await answer(false);
  expect(await listed()).toMatchObject({ withdrawnSince: 1 });
  await answer(true);
  expect(await listed()).toMatchObject({ withdrawnSince: 0 });
});
