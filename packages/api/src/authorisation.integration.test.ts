import { randomUUID } from 'node:crypto';
import { type Actor, CONSENTS } from '@plumbline/core';
import { createSession, loadSession } from '@plumbline/database/sessions';
import { type AttemptFixture, exampleSettings, makeAttempt, makeUser, type TestDatabase, testDatabase } from '@plumbline/testing';
import { TRPCError } from '@trpc/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appRouter } from './appRouter.ts';
import { callerOf, makeActor, PREFERENCES, SURVEY } from './caller.fixture.ts';

type Reader = 'owner' | 'otherExpert' | 'reviewer' | 'researcher' | 'admin';
const READERS: Reader[] = ['owner', 'otherExpert', 'reviewer', 'researcher', 'admin'];
const EVERYBODY = READERS;
const STAFF: Reader[] = ['reviewer', 'researcher', 'admin'];

const CONSENTS_GIVEN = Object.fromEntries(CONSENTS.map((consent) => [consent, true]));

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
  actors = {
    owner: { userId: fixture.expert.id, role: 'expert' },
    otherExpert: await makeActor(db, 'expert'),
    reviewer: await makeActor(db, 'reviewer'),
    researcher: await makeActor(db, 'researcher'),
    admin: await makeActor(db, 'admin'),
  };
});

afterAll(() => database.drop());

/** Calls a procedure by its path. */
async function answerOf(path: string, actor: Actor | null, of: AttemptFixture): Promise<unknown> {
  const [area, name] = path.split('.') as [string, string];
  const procedures = callerOf(database.db, actor) as unknown as Record<string, Record<string, (input: unknown) => Promise<unknown>>>;
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
    await expect(callerOf(database.db, actors.owner).attempt.get({ attemptId: randomUUID() })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('answer wrong input with what is wrong, not with a fault of the platform', async () => {
    await expect(callerOf(database.db, actors.owner).attempt.get({ attemptId: 'not an id' })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
    await expect(
      callerOf(database.db, actors.admin).user.create({ email: 'x', name: 'x', role: 'expert', password: 'short' }),
    ).rejects.toMatchObject({
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
    const listed = (reader: Actor) => callerOf(database.db, reader).review.list().then(JSON.stringify);
    expect(await listed(actor)).toContain(attempt.id);
    expect(await listed(actors.reviewer)).toContain(String(hidden));
    expect((await callerOf(database.db, actor).attempt.get({ attemptId: attempt.id })).may).toMatchObject({ replay: false, watch: false });
  });
});

describe('tickets', () => {
  it('are for working in one’s own attempt, and nobody else’s', async () => {
    const sessionOf = (actor: Actor) => createSession(database.db, actor.userId);
    const attemptId = fixture.attempt.id;
    const owner = callerOf(database.db, actors.owner, { sessionId: await sessionOf(actors.owner) });
    const admin = callerOf(database.db, actors.admin, { sessionId: await sessionOf(actors.admin) });
    expect((await owner.attempt.ticket({ attemptId })).ticket).toHaveLength(43);
    await expect(admin.attempt.ticket({ attemptId })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});

describe('a disabled user', () => {
  it('is nobody from that moment on', async () => {
    const { db } = database;
    const user = await makeUser(db, 'expert');
    const sessionId = await createSession(db, user.id);
    expect(await loadSession(db, sessionId)).toMatchObject({ userId: user.id });
    await callerOf(database.db, actors.admin).user.disable({ userId: user.id });
    expect(await loadSession(db, sessionId)).toBeNull();
  });

  it('cannot be oneself', async () => {
    await expect(callerOf(database.db, actors.admin).user.disable({ userId: actors.admin.userId })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
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
    const participant = await callerOf(database.db, { userId: own.expert.id, role: 'expert' }).attempt.get({ attemptId: own.attempt.id });
    expect(participant.scores).toMatchObject([{ n: 1, score: null, normalised: null }]);
    expect(participant.result).toBeNull();
    const staff = await callerOf(database.db, actors.admin).attempt.get({ attemptId: own.attempt.id });
    expect(staff.scores).toMatchObject([{ n: 1, score: 0.5, normalised: 0.5 }]);
  });
});
