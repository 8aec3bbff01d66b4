import { randomUUID } from 'node:crypto';
import { type Actor, CONSENTS, type Role } from '@plumbline/core';
import { appendClockEvent, noteGpuBusy } from '@plumbline/database/attempts';
import { saveBuildLog } from '@plumbline/database/buildLogs';
import { ensureLocalHost } from '@plumbline/database/hosts';
import { createSession, loadSession } from '@plumbline/database/sessions';
import { type AttemptFixture, exampleSettings, makeAttempt, makeUser, type TestDatabase, testDatabase } from '@plumbline/testing';
import { TRPCError } from '@trpc/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appRouter, createCaller } from './appRouter.ts';

type Reader = 'owner' | 'otherExpert' | 'reviewer' | 'researcher' | 'admin';
const READERS: Reader[] = ['owner', 'otherExpert', 'reviewer', 'researcher', 'admin'];
const EVERYBODY = READERS;
const STAFF: Reader[] = ['reviewer', 'researcher', 'admin'];

const SURVEY = { expectation: 'worse', difficulty: 4, problems: 'The disk was slow.', offClockMinutes: 20 } as const;

const CONSENTS_GIVEN = Object.fromEntries(CONSENTS.map((consent) => [consent, true]));

const PREFERENCES = {
  version: 1,
  autoSave: true,
  formatOnSave: true,
  copyOnSelection: false,
  wordWrap: false,
  tourSeen: true,
  layout: null,
} as const;

/** Who may call what, for an attempt that has not begun. A procedure that is missing here fails the test below. */
const MAY: Record<string, { readers: Reader[]; input?: (fixture: AttemptFixture) => unknown }> = {
  // Asked wrongly, since the study has no agreement.
  'agreement.answer': {
    readers: ['owner'],
    input: (fixture) => ({ attemptId: fixture.attempt.id, versionId: randomUUID(), consents: CONSENTS_GIVEN }),
  },
  'agreement.list': { readers: ['admin'] },
  'agreement.ofAttempt': { readers: ['owner', 'admin'], input: ofAttempt },
  'agreement.write': { readers: ['admin'], input: () => ({ studyId: randomUUID(), text: '', contact: '', withdrawUntil: new Date() }) },
  'assignment.mine': { readers: EVERYBODY },
  'assignment.open': { readers: EVERYBODY, input: () => ({ assignmentId: randomUUID() }) },
  'attempt.get': { readers: ['owner', 'admin'], input: ofAttempt },
  'attempt.progress': { readers: ['owner', 'admin'], input: ofAttempt },
  'attempt.buildLog': { readers: ['admin'], input: (fixture) => ({ attemptId: fixture.attempt.id, most: 100 }) },
  'attempt.setup': { readers: ['owner', 'admin'], input: ofAttempt },
  'attempt.prepare': { readers: ['owner'], input: ofAttempt },
  // Asked wrongly, since the attempt has never had a machine.
  'attempt.goElsewhere': { readers: ['owner'], input: ofAttempt },
  'attempt.leaveQueue': { readers: ['owner'], input: ofAttempt },
  'attempt.start': { readers: ['owner'], input: ofAttempt },
  'attempt.ticket': { readers: ['owner'], input: (fixture) => ({ attemptId: fixture.attempt.id }) },
  'attempt.answerSurvey': { readers: ['owner'], input: (fixture) => ({ attemptId: fixture.attempt.id, ...SURVEY }) },
  // Asked wrongly, since the attempt is still needed here.
  'attempt.void': { readers: ['admin'], input: (fixture) => ({ attemptId: fixture.attempt.id, reason: '' }) },
  'attempt.withdraw': { readers: ['owner'], input: (fixture) => ({ attemptId: fixture.attempt.id, reason: 'x'.repeat(501) }) },
  // Asked wrongly, since the attempt has not begun.
  'clock.adjust': { readers: ['admin'], input: (fixture) => ({ attemptId: fixture.attempt.id, reason: 'x', minutes: 0 }) },
  'clock.pause': { readers: ['admin'], input: (fixture) => ({ attemptId: fixture.attempt.id, reason: ' ' }) },
  'clock.resume': { readers: ['admin'], input: (fixture) => ({ attemptId: fixture.attempt.id, reason: ' ' }) },
  'clock.stop': { readers: ['admin'], input: (fixture) => ({ attemptId: fixture.attempt.id, reason: ' ' }) },
  'export.create': { readers: ['researcher', 'admin'], input: () => ({ attemptIds: [randomUUID()] }) },
  'export.list': { readers: ['researcher', 'admin'] },
  'host.overview': { readers: ['admin'] },
  'host.remove': { readers: ['admin'], input: () => ({ name: 'nowhere' }) },
  'host.setDrained': { readers: ['admin'], input: () => ({ name: 'nowhere', drained: true }) },
  'live.list': { readers: ['admin'] },
  'live.message': { readers: ['admin'], input: (fixture) => ({ attemptId: fixture.attempt.id, text: 'hello' }) },
  'review.list': { readers: STAFF },
  // The attempt of this test has not ended.
  'review.scoreAgain': { readers: [], input: ofAttempt },
  'review.setEnded': { readers: [], input: (fixture) => ({ attemptId: fixture.attempt.id, ended: true }) },
  'self.get': { readers: EVERYBODY },
  'self.keepWorkspacePreferences': { readers: EVERYBODY, input: () => PREFERENCES },
  'self.workspacePreferences': { readers: EVERYBODY },
  'setup.get': { readers: EVERYBODY },
  'setup.save': { readers: EVERYBODY, input: () => ({ keymap: 'vim', files: [] }) },
  'study.assign': { readers: ['admin'], input: () => ({ studyId: randomUUID(), environmentId: randomUUID(), userId: randomUUID() }) },
  'study.assignments': { readers: ['admin'] },
  'study.candidates': { readers: ['admin'] },
  'study.environments': { readers: STAFF },
  'study.list': { readers: STAFF },
  'user.create': { readers: ['admin'], input: () => ({ email: 'x', name: '', role: 'expert', password: '' }) },
  'user.disable': { readers: ['admin'], input: () => ({ userId: randomUUID() }) },
  'user.enable': { readers: ['admin'], input: () => ({ userId: randomUUID() }) },
  'user.list': { readers: ['admin'] },
  'user.setRole': { readers: ['admin'], input: () => ({ userId: randomUUID(), role: 'expert' }) },
};

function ofAttempt(fixture: AttemptFixture): unknown {
  return { attemptId: fixture.attempt.id };
}

const settings = exampleSettings({ startingScore: 0, referenceScore: 1, scoreVisible: false });

let database: TestDatabase;
let fixture: AttemptFixture;
let actors: Record<Reader, Actor>;

beforeAll(async () => {
  database = await testDatabase();
  const { db } = database;
  fixture = await makeAttempt(db, { environmentSettings: settings });
  const staff = async (role: Role): Promise<Actor> => ({ userId: (await makeUser(db, role)).id, role });
  actors = {
    owner: { userId: fixture.expert.id, role: 'expert' },
    otherExpert: await staff('expert'),
    reviewer: await staff('reviewer'),
    researcher: await staff('researcher'),
    admin: await staff('admin'),
  };
});

afterAll(() => database.drop());

function callerOf(actor: Actor | null, sessionId: string | null = null) {
  const clock = { nowMs: () => Date.now() };
  const pauseLive = async () => {};
  return createCaller({ actor, sessionId, db: database.db, clock, workspaceRetentionMs: 0, pauseLive, lastInputAtMs: async () => null });
}

/** Calls a procedure by its path. */
async function answerOf(path: string, actor: Actor | null, of: AttemptFixture): Promise<unknown> {
  const [area, name] = path.split('.') as [string, string];
  const procedures = callerOf(actor) as unknown as Record<string, Record<string, (input: unknown) => Promise<unknown>>>;
  return procedures[area]?.[name]?.(MAY[path]?.input?.(of));
}

/** Calls a procedure by its path and gives the code that refused it, or null. */
async function refusal(path: string, actor: Actor | null, of = fixture): Promise<string | null> {
  try {
    await answerOf(path, actor, of);
    return null;
  } catch (error) {
    if (!(error instanceof TRPCError)) throw error;
    return error.code;
  }
}

describe('procedures', () => {
  it('stand in the table of this test, every one', () => {
    expect(Object.keys(appRouter._def.procedures).sort()).toEqual(Object.keys(MAY).sort());
  });

  it.each(Object.keys(MAY))('%s refuses somebody who is not signed in', async (path) => {
    expect(await refusal(path, null)).toBe('UNAUTHORIZED');
  });

  it.each(Object.keys(MAY))('%s refuses every role, and every other person, that may not', async (path) => {
    for (const reader of READERS) {
      const allowed = MAY[path]?.readers.includes(reader) ?? false;
      // A ticket needs a session, which these callers lack; that refusal has its own test.
      if (allowed && path === 'attempt.ticket') continue;
      const code = await refusal(path, actors[reader]);
      if (allowed) expect(code, `${path} as ${reader}`).not.toBe('FORBIDDEN');
      else expect(code, `${path} as ${reader}`).toBe('FORBIDDEN');
    }
  });

  it('say that an attempt does not exist before they say anything else about it', async () => {
    await expect(callerOf(actors.owner).attempt.get({ attemptId: randomUUID() })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('answer wrong input with what is wrong, not with a fault of the platform', async () => {
    await expect(callerOf(actors.owner).attempt.get({ attemptId: 'not an id' })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await expect(callerOf(actors.admin).user.create({ email: 'x', name: 'x', role: 'expert', password: 'short' })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
  });
});

const QUERIES = new Set(
  Object.entries(appRouter._def.procedures as unknown as Record<string, { _def: { type: string } }>).flatMap(([path, { _def }]) =>
    _def.type === 'query' ? [path] : [],
  ),
);

describe('staff who take part in an attempt themselves', () => {
  it.each([
    ['reviewer', 0.730519],
    ['researcher', 0.730529],
    ['admin', 0.730539],
  ] as const)('get as %s what its participant gets, in any state, and nothing of staff’s', async (role, hidden) => {
    const { db } = database;
    const { attempt, expert } = await makeAttempt(db, { environmentSettings: settings });
    const own = { ...fixture, attempt } as AttemptFixture;
    const actor = { userId: expert.id, role };
    const score = { attemptId: attempt.id, requestedAt: new Date(), elapsedMs: 5, status: 'scored', score: hidden };
    await db.prisma.score.create({ data: { ...score, n: 1, trigger: 'participant', finishedAt: new Date() } });
    for (const state of ['scheduled', 'running', 'completed'] as const) {
      await db.prisma.attempt.update({ where: { id: attempt.id }, data: { state } });
      for (const [path, { readers, input }] of Object.entries(MAY)) {
        const isOfAttempt = (input?.(own) as { attemptId?: string } | undefined)?.attemptId === attempt.id;
        if (isOfAttempt && !readers.includes('owner')) {
          expect(await refusal(path, actor, own), `${path} while ${state}`).toBe('FORBIDDEN');
          continue;
        }
        if (!QUERIES.has(path)) continue;
        const answer = await answerOf(path, actor, own).then(JSON.stringify, String);
        expect(answer, `${path} while ${state}`).not.toContain(String(hidden));
      }
    }
    // It stands in the lists, and in those of others with its score.
    const listed = (reader: Actor) => callerOf(reader).review.list().then(JSON.stringify);
    expect(await listed(actor)).toContain(attempt.id);
    expect(await listed(actors.reviewer)).toContain(String(hidden));
    expect((await callerOf(actor).attempt.get({ attemptId: attempt.id })).may).toMatchObject({ replay: false, watch: false });
  });
});

describe('tickets', () => {
  it('are for working in one’s own attempt, and nobody else’s', async () => {
    const sessionOf = (actor: Actor) => createSession(database.db, actor.userId);
    const attemptId = fixture.attempt.id;
    const owner = callerOf(actors.owner, await sessionOf(actors.owner));
    const admin = callerOf(actors.admin, await sessionOf(actors.admin));
    expect((await owner.attempt.ticket({ attemptId })).ticket).toHaveLength(43);
    await expect(admin.attempt.ticket({ attemptId })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});

describe('the survey', () => {
  it('is the participant’s own, opens with the end, keeps the latest answers, and is read by staff', async () => {
    const { db } = database;
    const own = await makeAttempt(db, { environmentSettings: settings });
    const attemptId = own.attempt.id;
    const participant = callerOf({ userId: own.expert.id, role: 'expert' });
    await expect(participant.attempt.answerSurvey({ attemptId, ...SURVEY })).rejects.toMatchObject({ code: 'CONFLICT' });
    await db.prisma.attempt.update({ where: { id: attemptId }, data: { state: 'completed' } });
    await expect(callerOf(actors.admin).attempt.answerSurvey({ attemptId, ...SURVEY })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(participant.attempt.answerSurvey({ attemptId, ...SURVEY, difficulty: 6 })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await participant.attempt.answerSurvey({ attemptId, ...SURVEY, difficulty: 2 });
    await participant.attempt.answerSurvey({ attemptId, ...SURVEY });
    for (const reader of [participant, callerOf(actors.reviewer)])
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
    const reviewer = callerOf(actors.reviewer);
    const seen = async () => (await reviewer.attempt.get({ attemptId })).workspace;
    expect(await seen()).toMatchObject({ keptUntil: null, copies: [{ host: 'here', removedAt: null }] });
    for (const actor of [actors.researcher, { userId: own.expert.id, role: 'admin' } as const]) {
      await expect(callerOf(actor).review.setEnded({ attemptId, ended: true })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    }
    await reviewer.review.setEnded({ attemptId, ended: true });
    const { reviewEndedAt, keptUntil } = (await seen()) ?? {};
    expect([reviewEndedAt, keptUntil]).toEqual([expect.any(Date), reviewEndedAt]);
    await callerOf(actors.admin).review.setEnded({ attemptId, ended: false });
    expect(await seen()).toMatchObject({ reviewEndedAt: null, keptUntil: null });
    expect(await db.prisma.auditEntry.count({ where: { subject: `attempt:${attemptId}`, userId: { not: null } } })).toBe(2);
    expect((await callerOf({ userId: own.expert.id, role: 'expert' }).attempt.get({ attemptId })).workspace).toBeNull();
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
    const seen = async (actor: Actor) => (await callerOf(actor).attempt.get({ attemptId })).review;
    await db.prisma.attempt.update({ where: { id: attemptId }, data: { state: 'finalising' } });
    expect(await seen(actors.admin)).toMatchObject({ missingScores: [], instructions: 'Read the essay.' });
    await db.prisma.attempt.update({ where: { id: attemptId }, data: { state: 'completed' } });
    const said = 'The row that counts could not be re-scored: 1 of 2 clean re-scores were taken. The disk is full.';
    expect(await seen(actors.reviewer)).toMatchObject({ missingScores: [said] });
    expect(await seen({ userId: own.expert.id, role: 'expert' })).toBeNull();
    const listed = await callerOf(actors.reviewer).review.list();
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
      await expect(callerOf(actor).review.scoreAgain({ attemptId })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    }
    const reviewer = callerOf(actors.reviewer);
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
    const admin = callerOf(actors.admin);
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
    expect(await callerOf(voided.expert).attempt.get(voided)).toMatchObject({ ...shown, scores: [{ status: 'cancelled' }] });
    const wasRunning = { state: 'running' };
    expect(await audited(voided.attemptId)).toEqual([
      { userId: actors.admin.userId, act: 'attempt.void', before: wasRunning, after: { state: 'void', reason } },
    ]);

    const left = await made();
    const expert = callerOf(left.expert);
    expect(await expert.attempt.get(left)).toMatchObject({ may: { void: false, withdraw: true } });
    await expert.attempt.withdraw({ attemptId: left.attemptId, reason: '' });
    expect(await expert.attempt.get(left)).toMatchObject({ state: 'withdrawn', may: { withdraw: false } });
    expect(await audited(left.attemptId)).toEqual([
      { userId: left.expert.userId, act: 'attempt.withdraw', before: wasRunning, after: { state: 'withdrawn', reason: '' } },
    ]);

    const over = await made();
    await appendClockEvent(db, over.attemptId, { kind: 'submitted' }, { by: over.expert.userId });
    await expect(callerOf(over.expert).attempt.withdraw({ attemptId: over.attemptId, reason })).rejects.toThrow('has ended');
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
    const idleMs = async () => (await callerOf(actors.admin).live.list()).find((row) => row.attemptId === attemptId)?.gpuIdleMs;
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
    const caller = callerOf({ userId: (await makeUser(database.db, 'expert')).id, role: 'expert' });
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
    await callerOf(actors.otherExpert).self.keepWorkspacePreferences({ ...PREFERENCES, autoSave: false });
    expect(await caller.self.workspacePreferences()).toEqual(PREFERENCES);
  });
});

describe('a setup', () => {
  it('is kept whole, or not at all with what is wrong and where, and reaches nobody else', async () => {
    const { db } = database;
    const own = await makeAttempt(db, { environmentSettings: settings });
    const participant = callerOf({ userId: own.expert.id, role: 'expert' });
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
    expect((await callerOf(actors.admin).setup.get()).files).toEqual([]);
    // The attempt that is prepared takes it, and staff see it there.
    await db.prisma.attempt.update({ where: { id: own.attempt.id }, data: { state: 'ready' } });
    await participant.setup.save({ keymap: 'vim', files: [good] });
    for (const reader of [participant, callerOf(actors.admin)]) {
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
    const checklist = (await callerOf(actors.admin).attempt.get(of)).review?.checklist;
    expect(checklist).toContainEqual(expect.stringMatching(/^a process that was left running/));
    expect((await callerOf({ userId: expert.id, role: 'expert' }).attempt.get(of)).review).toBeNull();
    expect((await callerOf(actors.admin).attempt.get({ attemptId: fixture.attempt.id })).review?.checklist).toEqual([]);
  });
});

describe('what a build printed', () => {
  it('is read whole by staff alone; its participant sees the newest lines while they wait, and none of an earlier try', async () => {
    const { db } = database;
    const { attempt, expert } = await makeAttempt(db, { environmentSettings: settings });
    const { id: attemptId } = attempt;
    const participant = callerOf({ userId: expert.id, role: 'expert' });
    const lines = Array.from({ length: 20 }, (_, n) => `line ${n}`);
    await saveBuildLog(db, attemptId, 0, lines);
    await expect(participant.attempt.buildLog({ attemptId, most: 100 })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(await callerOf(actors.admin).attempt.buildLog({ attemptId, most: 100 })).toMatchObject({ left: 0, lines });
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

describe('a disabled user', () => {
  it('is nobody from that moment on', async () => {
    const { db } = database;
    const user = await makeUser(db, 'expert');
    const sessionId = await createSession(db, user.id);
    expect(await loadSession(db, sessionId)).toMatchObject({ userId: user.id });
    await callerOf(actors.admin).user.disable({ userId: user.id });
    expect(await loadSession(db, sessionId)).toBeNull();
  });

  it('cannot be oneself', async () => {
    await expect(callerOf(actors.admin).user.disable({ userId: actors.admin.userId })).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});

describe('hidden scores', () => {
  it('reach staff and not the participant', async () => {
    const { db } = database;
    const own = await makeAttempt(db, { environmentSettings: settings });
    await db.prisma.score.create({
      data: {
        attemptId: own.attempt.id,
        n: 1,
        trigger: 'participant',
        requestedAt: new Date(),
        elapsedMs: 5,
        status: 'scored',
        score: 0.5,
        finishedAt: new Date(),
      },
    });
    const participant = await callerOf({ userId: own.expert.id, role: 'expert' }).attempt.get({ attemptId: own.attempt.id });
    expect(participant.scores).toMatchObject([{ n: 1, score: null, normalised: null }]);
    expect(participant.result).toBeNull();
    const staff = await callerOf(actors.admin).attempt.get({ attemptId: own.attempt.id });
    expect(staff.scores).toMatchObject([{ n: 1, score: 0.5, normalised: 0.5 }]);
  });
});
