import type { Actor } from '@plumbline/core';
import { appendClockEvent, noteGpuBusy } from '@plumbline/database/attempts';
import { saveBuildLog } from '@plumbline/database/buildLogs';
import { ensureLocalHost } from '@plumbline/database/hosts';
import { exampleSettings, makeAttempt, makeUser, type TestDatabase, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callerOf, makeActor, PREFERENCES, SURVEY } from './caller.fixture.ts';

/** What a participant says and brings, and what staff see of an attempt and do with it. */

const settings = exampleSettings({ startingScore: 0, referenceScore: 1, scoreVisible: false });

let database: TestDatabase;
let actors: Record<'reviewer' | 'researcher' | 'admin', Actor>;

beforeAll(async () => {
  database = await testDatabase();
  const { db } = database;
  actors = {
    reviewer: await makeActor(db, 'reviewer'),
    researcher: await makeActor(db, 'researcher'),
    admin: await makeActor(db, 'admin'),
  };
});
afterAll(() => database.drop());

const calledBy = (actor: Actor) => callerOf(database.db, actor);

describe('the survey', () => {
  it('is the participant’s own, opens with the end, keeps the latest answers, and is read by staff', async () => {
    const { db } = database;
    const own = await makeAttempt(db, { environmentSettings: settings });
    const attemptId = own.attempt.id;
    const participant = calledBy({ userId: own.expert.id, role: 'expert' });
    await expect(participant.attempt.answerSurvey({ attemptId, ...SURVEY })).rejects.toMatchObject({ code: 'CONFLICT' });
    await db.prisma.attempt.update({ where: { id: attemptId }, data: { state: 'completed' } });
    await expect(calledBy(actors.admin).attempt.answerSurvey({ attemptId, ...SURVEY })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(participant.attempt.answerSurvey({ attemptId, ...SURVEY, difficulty: 6 })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await participant.attempt.answerSurvey({ attemptId, ...SURVEY, difficulty: 2 });
    await participant.attempt.answerSurvey({ attemptId, ...SURVEY });
    for (const reader of [participant, calledBy(actors.reviewer)])
      expect((await reader.attempt.get({ attemptId })).survey).toMatchObject(SURVEY);
  });
});

describe('the review of an attempt', () => {
  it('is ended and reopened by reviewers and admins once the attempt is over, and says until when hosts keep the workspace', async () => {
    const { db } = database;
    const own = await makeAttempt(db, { environmentSettings: settings });
    const attemptId = own.attempt.id;
    const host = await ensureLocalHost(db, 'none');
    await db.prisma.lease.create({ data: { attemptId, hostId: host.id, state: 'released', grantedAt: new Date() } });
    await db.prisma.attempt.update({ where: { id: attemptId }, data: { state: 'completed' } });
    const reviewer = calledBy(actors.reviewer);
    const seen = async () => (await reviewer.attempt.get({ attemptId })).workspace;
    expect(await seen()).toMatchObject({ keptUntil: null, copies: [{ host: 'here', removedAt: null }] });
    for (const actor of [actors.researcher, { userId: own.expert.id, role: 'admin' } as const]) {
      await expect(calledBy(actor).review.setEnded({ attemptId, ended: true })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    }
    await reviewer.review.setEnded({ attemptId, ended: true });
    const { reviewEndedAt, keptUntil } = (await seen()) ?? {};
    expect([reviewEndedAt, keptUntil]).toEqual([expect.any(Date), reviewEndedAt]);
    await calledBy(actors.admin).review.setEnded({ attemptId, ended: false });
    expect(await seen()).toMatchObject({ reviewEndedAt: null, keptUntil: null });
    expect(await db.prisma.auditEntry.count({ where: { subject: `attempt:${attemptId}`, userId: { not: null } } })).toBe(2);
    expect((await calledBy({ userId: own.expert.id, role: 'expert' }).attempt.get({ attemptId })).workspace).toBeNull();
  });
});

describe('what staff are told of an attempt', () => {
  const scoring = { visible_to_agent: true, score_on_usage_limits: true, instructions: 'Read the essay.' };

  it('names the scores that it ended without, and how it is scored by hand; not to the participant', async () => {
    const { db } = database;
    const own = await makeAttempt(db, { environmentSettings: { ...settings, scoring, cleanRescores: 2 } });
    const attemptId = own.attempt.id;
    const score = (n: number, fields: { trigger: string; status: string; ofScoreId?: string; message?: object; score?: number }) =>
      db.prisma.score.create({ data: { attemptId, n, requestedAt: new Date(), elapsedMs: n, ...fields } });
    const { id } = await score(1, { trigger: 'final', status: 'scored', score: 1 });
    await score(2, { trigger: 'clean', status: 'scored', score: 1, ofScoreId: id });
    await score(3, { trigger: 'clean', status: 'cancelled', ofScoreId: id, message: { reason: 'The disk is full.' } });
    const seen = async (actor: Actor) => (await calledBy(actor).attempt.get({ attemptId })).review;
    await db.prisma.attempt.update({ where: { id: attemptId }, data: { state: 'finalising' } });
    expect(await seen(actors.admin)).toMatchObject({ missingScores: [], instructions: 'Read the essay.' });
    await db.prisma.attempt.update({ where: { id: attemptId }, data: { state: 'completed' } });
    const said = 'The row that counts could not be re-scored: 1 of 2 clean re-scores were taken. The disk is full.';
    expect(await seen(actors.reviewer)).toMatchObject({ missingScores: [said] });
    expect(await seen({ userId: own.expert.id, role: 'expert' })).toBeNull();
    const listed = await calledBy(actors.reviewer).review.list();
    expect(listed.find((row) => row.attemptId === attemptId)).toMatchObject({ missingScores: [said] });
    await score(4, { trigger: 'clean', status: 'scored', score: 1, ofScoreId: id });
    expect(await seen(actors.reviewer)).toMatchObject({ missingScores: [] });
  });

  it('lets reviewers and admins have a missing score taken again, and nobody else; it stays in their view meanwhile', async () => {
    const { db } = database;
    const own = await makeAttempt(db, { environmentSettings: settings });
    const attemptId = own.attempt.id;
    const final = { attemptId, n: 1, trigger: 'final', requestedAt: new Date(), elapsedMs: 1 };
    await db.prisma.score.create({ data: { ...final, status: 'cancelled', message: { reason: 'The disk is full.' } } });
    await db.prisma.attempt.update({
      where: { id: attemptId },
      data: { state: 'completed', completedAt: new Date(), reviewEndedAt: new Date() },
    });
    for (const actor of [actors.researcher, { userId: own.expert.id, role: 'admin' } as const]) {
      await expect(calledBy(actor).review.scoreAgain({ attemptId })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    }
    const reviewer = calledBy(actors.reviewer);
    await expect(reviewer.review.scoreAgain({ attemptId })).rejects.toThrow('Reopen the review first.');
    await reviewer.review.setEnded({ attemptId, ended: false });
    await reviewer.review.scoreAgain({ attemptId });
    await expect(reviewer.review.scoreAgain({ attemptId })).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await reviewer.attempt.get({ attemptId })).toMatchObject({
      state: 'finalising',
      progress: 'Waiting for a machine to score again',
    });
    expect((await reviewer.review.list()).map((row) => row.attemptId)).toContain(attemptId);
    const audit = await db.prisma.auditEntry.findMany({ where: { subject: `attempt:${attemptId}`, act: 'attempt.scoreAgain' } });
    expect(audit.map((entry) => entry.userId)).toEqual([actors.reviewer.userId]);
    await db.prisma.score.create({ data: { ...final, n: 2, status: 'nan' } });
    await db.prisma.attempt.update({ where: { id: attemptId }, data: { state: 'completed' } });
    await expect(reviewer.review.scoreAgain({ attemptId })).rejects.toThrow('No score of this attempt is missing.');
  });

  it('lets an admin make an attempt void with a reason, and its participant withdraw without one; both are audited, and neither touches one that is over', async () => {
    const { db } = database;
    const made = async () => {
      const own = await makeAttempt(db, { environmentSettings: settings });
      await db.prisma.attempt.update({ where: { id: own.attempt.id }, data: { state: 'ready' } });
      await appendClockEvent(db, own.attempt.id, { kind: 'started' }, { by: own.expert.id });
      return { attemptId: own.attempt.id, expert: { userId: own.expert.id, role: 'expert' } as const };
    };
    const admin = calledBy(actors.admin);
    const audited = (attemptId: string) =>
      db.prisma.auditEntry.findMany({
        where: { subject: `attempt:${attemptId}` },
        select: { userId: true, act: true, before: true, after: true },
      });

    const voided = await made();
    const score = { attemptId: voided.attemptId, n: 1, trigger: 'participant', requestedAt: new Date(), elapsedMs: 1 };
    await db.prisma.score.create({ data: { ...score, status: 'running' } });
    expect(await admin.attempt.get(voided)).toMatchObject({ may: { void: true, withdraw: false } });
    await expect(admin.attempt.void({ ...voided, reason: ' ' })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    const reason = 'The disk failed.';
    for (let n = 0; n < 2; n += 1) await admin.attempt.void({ attemptId: voided.attemptId, reason });
    const shown = { state: 'void', progress: reason, may: { void: false, withdraw: false } };
    expect(await calledBy(voided.expert).attempt.get(voided)).toMatchObject({ ...shown, scores: [{ status: 'cancelled' }] });
    const wasRunning = { state: 'running' };
    expect(await audited(voided.attemptId)).toEqual([
      { userId: actors.admin.userId, act: 'attempt.void', before: wasRunning, after: { state: 'void', reason } },
    ]);

    const left = await made();
    const expert = calledBy(left.expert);
    expect(await expert.attempt.get(left)).toMatchObject({ may: { void: false, withdraw: true } });
    await expert.attempt.withdraw({ attemptId: left.attemptId, reason: '' });
    expect(await expert.attempt.get(left)).toMatchObject({ state: 'withdrawn', may: { withdraw: false } });
    expect(await audited(left.attemptId)).toEqual([
      { userId: left.expert.userId, act: 'attempt.withdraw', before: wasRunning, after: { state: 'withdrawn', reason: '' } },
    ]);

    const over = await made();
    await appendClockEvent(db, over.attemptId, { kind: 'submitted' }, { by: over.expert.userId });
    await expect(calledBy(over.expert).attempt.withdraw({ attemptId: over.attemptId, reason })).rejects.toThrow('has ended');
    // One that is scored again has been complete.
    await db.prisma.attempt.update({ where: { id: over.attemptId }, data: { completedAt: new Date() } });
    await expect(admin.attempt.void({ attemptId: over.attemptId, reason })).rejects.toThrow('is complete');
    expect(await admin.attempt.get(over)).toMatchObject({ state: 'finalising', may: { void: false } });
  });

  it('counts for how long its GPUs have stood idle, from their last work on its clock', async () => {
    const { db } = database;
    const hour = 3_600_000;
    const own = await makeAttempt(db, { environmentSettings: settings });
    const attemptId = own.attempt.id;
    await db.prisma.attempt.update({ where: { id: attemptId }, data: { state: 'ready' } });
    await appendClockEvent(db, attemptId, { kind: 'started' }, { by: null });
    await db.pool.query(`UPDATE clock_event SET at = at - interval '3 hours' WHERE attempt_id = $1`, [attemptId]);
    const idleMs = async () => (await calledBy(actors.admin).live.list()).find((row) => row.attemptId === attemptId)?.gpuIdleMs;
    expect(await idleMs()).toBeNull();
    const { id: hostId } = await ensureLocalHost(db, 'none');
    await db.prisma.lease.create({ data: { attemptId, hostId, state: 'held', grantedAt: new Date(), gpuCount: 1, gpuIds: ['GPU-a'] } });
    expect(await idleMs()).toBeGreaterThanOrEqual(3 * hour);
    await noteGpuBusy(db, attemptId, 2 * hour);
    const idle = (await idleMs()) ?? 0;
    expect(idle >= hour && idle < 2 * hour).toBe(true);
    await appendClockEvent(db, attemptId, { kind: 'paused', reason: 'break' }, { by: null });
    expect(await idleMs()).toBeNull();
  });
});

describe('what a person chose for their workspace', () => {
  it('is theirs alone, is replaced by what they choose next, and is refused where it is too large or of another shape', async () => {
    const caller = calledBy({ userId: (await makeUser(database.db, 'expert')).id, role: 'expert' });
    expect(await caller.self.workspacePreferences()).toBeNull();
    await caller.self.keepWorkspacePreferences({ ...PREFERENCES, layout: '{}' });
    await caller.self.keepWorkspacePreferences(PREFERENCES);
    const refused = [
      { ...PREFERENCES, layout: 'x'.repeat(100_000) },
      { ...PREFERENCES, version: 2 },
      { ...PREFERENCES, other: 1 },
    ];
    for (const one of refused)
      await expect(caller.self.keepWorkspacePreferences(one as typeof PREFERENCES)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    expect(await caller.self.workspacePreferences()).toEqual(PREFERENCES);
    await calledBy(await makeActor(database.db, 'expert')).self.keepWorkspacePreferences({ ...PREFERENCES, autoSave: false });
    expect(await caller.self.workspacePreferences()).toEqual(PREFERENCES);
  });
});

describe('a setup', () => {
  it('is kept whole, or not at all with what is wrong and where, and reaches nobody else', async () => {
    const { db } = database;
    const own = await makeAttempt(db, { environmentSettings: settings });
    const participant = calledBy({ userId: own.expert.id, role: 'expert' });
    const good = { path: '.bashrc', text: 'alias ll="ls -l"\ncurl -s https://example.org\n' };
    expect(await participant.setup.save({ keymap: 'vim', files: [good] })).toEqual({
      saved: true,
      problems: [],
      notices: [{ path: '.bashrc', line: 2, message: 'downloads something.' }],
    });
    const bad = [good, { path: '../.vimrc', text: '' }, { path: '.env', text: `x\nAPI_TOKEN=${'0123456789abcdef'}` }];
    const refused = await participant.setup.save({ keymap: 'vscode', files: bad });
    expect(refused.saved).toBe(false);
    expect(refused.problems.map(({ path, line }) => [path, line])).toEqual([
      ['../.vimrc', null],
      ['.env', 2],
    ]);
    expect(await participant.setup.get()).toMatchObject({ keymap: 'vim', files: [good] });
    expect((await calledBy(actors.admin).setup.get()).files).toEqual([]);
    // The attempt that is prepared takes it, and staff see it there.
    await db.prisma.attempt.update({ where: { id: own.attempt.id }, data: { state: 'ready' } });
    await participant.setup.save({ keymap: 'vim', files: [good] });
    for (const reader of [participant, calledBy(actors.admin)]) {
      expect(await reader.attempt.setup({ attemptId: own.attempt.id })).toMatchObject({
        keymap: 'vim',
        files: [{ ...good, size: Buffer.byteLength(good.text) }],
        applied: false,
        notices: [{ path: '.bashrc', line: 2 }],
      });
    }
    expect((await participant.attempt.progress({ attemptId: own.attempt.id })).setup).toEqual({ state: 'on_its_way', problem: null });
  });
});

describe('what to look for before a result counts', () => {
  it('is more for a family that other people wrote, and for staff alone', async () => {
    const { attempt, expert } = await makeAttempt(database.db, {
      environmentSettings: settings,
      familyDir: '/data/environments/0a1b/theirs',
    });
    const of = { attemptId: attempt.id };
    const checklist = (await calledBy(actors.admin).attempt.get(of)).review?.checklist;
    expect(checklist).toContainEqual(expect.stringMatching(/^a process that was left running/));
    expect((await calledBy({ userId: expert.id, role: 'expert' }).attempt.get(of)).review).toBeNull();
    const { attempt: ofOwnFamily } = await makeAttempt(database.db, { environmentSettings: settings });
    expect((await calledBy(actors.admin).attempt.get({ attemptId: ofOwnFamily.id })).review?.checklist).toEqual([]);
  });
});

describe('what a build printed', () => {
  it('is read whole by staff alone; its participant sees the newest lines while they wait, and none of an earlier try', async () => {
    const { db } = database;
    const { attempt, expert } = await makeAttempt(db, { environmentSettings: settings });
    const { id: attemptId } = attempt;
    const participant = calledBy({ userId: expert.id, role: 'expert' });
    const lines = Array.from({ length: 20 }, (_, n) => `line ${n}`);
    await saveBuildLog(db, attemptId, 0, lines);
    await expect(participant.attempt.buildLog({ attemptId, most: 100 })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(await calledBy(actors.admin).attempt.buildLog({ attemptId, most: 100 })).toMatchObject({ left: 0, lines });
    await db.prisma.attempt.update({ where: { id: attemptId }, data: { state: 'provisioning' } });
    await db.prisma.lease.create({ data: { attemptId, state: 'held', grantedAt: new Date() } });
    const shown = async () => (await participant.attempt.progress({ attemptId })).buildLines;
    expect(await shown()).toEqual([]);
    await saveBuildLog(db, attemptId, 0, lines);
    expect(await shown()).toEqual(lines.slice(-6));
    await db.prisma.attempt.update({ where: { id: attemptId }, data: { state: 'scheduled' } });
    expect(await shown()).toEqual([]);
  });
});
