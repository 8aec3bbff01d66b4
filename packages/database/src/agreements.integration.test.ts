import { createHash, randomUUID } from 'node:crypto';
import { CONSENTS, type Consent, type Consents } from '@plumbline/core';
import { type AttemptFixture, makeAttempt, type TestDatabase, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agreementStandings, answerAgreement, findAgreement, writeAgreement } from './agreements.ts';
import { moveAttempt, prepareAttempt, startAttempt } from './attemptMoves.ts';
import { listAudit } from './audit.ts';
import type { Database } from './client.ts';
import { SETTINGS } from './settings.fixture.ts';

let testing: TestDatabase;
let db: Database;

beforeAll(async () => {
  testing = await testDatabase();
  db = testing.db;
});
afterAll(() => testing.drop());

const HOUR_MS = 3_600_000;
const inAnHour = () => new Date(Date.now() + HOUR_MS);
const without = (...refused: Consent[]): Consents =>
  Object.fromEntries(CONSENTS.map((consent) => [consent, !refused.includes(consent)])) as Consents;

const make = () => makeAttempt(db, { environmentSettings: SETTINGS });

async function write({ study }: AttemptFixture, text: string): Promise<string> {
  await writeAgreement(db, study.id, { text, contact: 'ana@example.org', withdrawUntil: inAnHour() }, { by: null });
  const newest = await db.prisma.agreementVersion.findFirstOrThrow({ where: { studyId: study.id }, orderBy: { n: 'desc' } });
  return newest.id;
}

const answersOf = async (id: string) => (await agreementStandings(db.pool, [id])).get(id)?.answers ?? null;

describe('an attempt under an agreement', () => {
  test('is prepared and started only once its newest text is answered, with all that is needed', async () => {
    const fixture = await make();
    const { id } = fixture.attempt;
    const first = await write(fixture, 'The first text.');
    const prepared = () => prepareAttempt(db, id);
    const refused = (message: string) => ({ code: 'conflict', message: expect.stringContaining(message) });
    await expect(prepared()).rejects.toMatchObject(refused('answer it first. Your clock has not started'));
    await answerAgreement(db, id, { versionId: first, consents: without('internalReview') });
    await expect(prepared()).rejects.toMatchObject(refused('ana@example.org'));
    await answerAgreement(db, id, { versionId: first, consents: without('gatedRelease', 'publicRelease', 'aiTraining', 'quotation') });
    expect(await prepared()).toEqual({ state: 'provisioning' });

    await moveAttempt(db, id, 'ready');
    const second = await write(fixture, 'The second text.');
    const start = () => startAttempt(db, id, fixture.expert.id);
    await expect(start()).rejects.toMatchObject(refused('new text'));
    expect(await findAgreement(db, id)).toMatchObject({ version: { id: second, n: 2 }, answers: { versionN: 1 }, hold: 'outdated' });
    await expect(answerAgreement(db, id, { versionId: first, consents: without() })).rejects.toMatchObject(refused('newer text'));
    await answerAgreement(db, id, { versionId: second, consents: without() });
    expect((await start()).state).toBe('running');
  });

  test('is asked nothing by a text that is newer than its start', async () => {
    const fixture = await make();
    const { id } = fixture.attempt;
    const first = await write(fixture, 'The first text.');
    await answerAgreement(db, id, { versionId: first, consents: without('quotation') });
    await moveAttempt(db, id, 'provisioning');
    await moveAttempt(db, id, 'ready');
    await startAttempt(db, id, fixture.expert.id);
    await write(fixture, 'The second text.');
    expect(await findAgreement(db, id)).toMatchObject({ version: { id: first }, answers: { consents: { quotation: false } } });
    await answerAgreement(db, id, { versionId: first, consents: without() });
    expect((await answersOf(id))?.consents.quotation).toBe(true);
  });

  test('keeps each answer that was given, and neither an answer nor a text can be changed', async () => {
    const fixture = await make();
    const { id } = fixture.attempt;
    const versionId = await write(fixture, 'A text.');
    for (const refused of CONSENTS) {
      await answerAgreement(db, id, { versionId, consents: without(refused) });
      // Each column has its own consent, there and back.
      expect((await answersOf(id))?.consents).toEqual(without(refused));
    }
    expect(await db.prisma.consentAnswer.count({ where: { attemptId: id } })).toBe(CONSENTS.length);
    const changes = [
      'UPDATE consent_answer SET gated_release = true',
      'DELETE FROM consent_answer',
      `UPDATE agreement_version SET text = 'other'`,
      'DELETE FROM agreement_version',
    ];
    for (const change of changes) await expect(db.pool.query(change), change).rejects.toThrow(/written once and never changed/);
  });

  test('has its free consents changed until the day that the agreement names, and is confirmed by answers after its end', async () => {
    const fixture = await make();
    const { id } = fixture.attempt;
    const versionId = await write(fixture, 'A text.');
    await answerAgreement(db, id, { versionId, consents: without() });
    expect((await answersOf(id))?.isConfirmed).toBe(false);
    await db.prisma.attempt.update({
      where: { id },
      data: { state: 'completed', startedAt: new Date(0), endedAt: (await answersOf(id))?.at },
    });
    expect((await answersOf(id))?.isConfirmed).toBe(false);
    await answerAgreement(db, id, { versionId, consents: without('gatedRelease') });
    expect(await answersOf(id)).toMatchObject({ isConfirmed: true, consents: { gatedRelease: false } });
    await expect(answerAgreement(db, id, { versionId, consents: without('recording') })).rejects.toMatchObject({ code: 'invalid_input' });

    const late = await make();
    const text = { text: 'A text.', hash: '', contact: 'x', writtenAt: new Date() };
    const over = await db.prisma.agreementVersion.create({ data: { studyId: late.study.id, n: 1, ...text, withdrawUntil: new Date() } });
    const answer = () => answerAgreement(db, late.attempt.id, { versionId: over.id, consents: without() });
    await answer();
    await db.prisma.attempt.update({ where: { id: late.attempt.id }, data: { state: 'completed', startedAt: new Date(0) } });
    await expect(answer()).rejects.toMatchObject({ code: 'conflict' });
  });

  test('begins without any answer where the study has none, or an agent does it', async () => {
    const [free, agents] = [await make(), await make()];
    expect(await findAgreement(db, free.attempt.id)).toEqual({ version: null, answers: null, hold: null });
    const given = { versionId: randomUUID(), consents: without() };
    await expect(answerAgreement(db, free.attempt.id, given)).rejects.toMatchObject({ code: 'conflict' });
    await write(agents, 'A text.');
    await db.prisma.participant.update({ where: { userId: agents.expert.id }, data: { kind: 'agent' } });
    for (const { attempt } of [free, agents]) expect(await prepareAttempt(db, attempt.id)).toEqual({ state: 'provisioning' });
  });
});

describe('a version of an agreement', () => {
  const given = (text: string, withdrawUntil = inAnHour()) => ({ text, contact: 'ana@example.org', withdrawUntil });

  test('has the next number, the hash of its text, who wrote it, and an entry in the audit', async () => {
    const { study, expert } = await make();
    for (const n of [1, 2]) expect(await writeAgreement(db, study.id, given(`Text ${n}, é`), { by: expert.id })).toEqual({ n });
    const versions = await db.prisma.agreementVersion.findMany({ where: { studyId: study.id }, orderBy: { n: 'asc' } });
    const hash = createHash('sha256').update('Text 2, é').digest('hex');
    expect(versions[1]).toMatchObject({ n: 2, text: 'Text 2, é', hash, writtenBy: expert.id });
    const entries = await listAudit(db, { subject: `study:${study.id}`, limit: 9 });
    expect(entries.map(({ act, after }) => [act, after])).toEqual([
      ['agreement.write', expect.objectContaining({ n: 2, hash })],
      ['agreement.write', expect.objectContaining({ n: 1 })],
    ]);
  });

  test('is not written twice, nor for a day that is over, nor for a study that is not there', async () => {
    const { study } = await make();
    const same = given('A text.');
    await writeAgreement(db, study.id, same, { by: null });
    await expect(writeAgreement(db, study.id, same, { by: null })).rejects.toMatchObject({ code: 'conflict' });
    const over = given('Another text.', new Date(Date.now() - HOUR_MS));
    await expect(writeAgreement(db, study.id, over, { by: null })).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(writeAgreement(db, randomUUID(), same, { by: null })).rejects.toMatchObject({ code: 'not_found' });
    expect(await db.prisma.agreementVersion.count({ where: { studyId: study.id } })).toBe(1);
  });
});
