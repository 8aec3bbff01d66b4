import { describe, expect, test } from 'vitest';
import { type Actor, ROLES, type Role } from './actor.ts';
import { ATTEMPT_STATES } from './attemptState.ts';
import { ATTEMPT_ACTS, type AttemptAct, assertCan, can, GENERAL_ACTS, type GeneralAct, OWN_ATTEMPT_WORDS } from './policy.ts';

const actor = (role: Role): Actor => ({ userId: `the-${role}`, role });

test('nobody may do nothing', () => {
  for (const act of GENERAL_ACTS) expect(can(null, act)).toBe(false);
  for (const act of ATTEMPT_ACTS) expect(can(null, act, { ownerUserId: null, state: 'running' })).toBe(false);
});

test('nobody types into another person’s attempt, admins included, in any state', () => {
  for (const role of ROLES) {
    for (const state of ATTEMPT_STATES) {
      for (const act of [
        'attempt.participate',
        'attempt.prepare',
        'attempt.start',
        'attempt.withdraw',
        'attempt.consent',
        'attempt.answerSurvey',
      ] as const) {
        expect(can(actor(role), act, { ownerUserId: 'someone-else', state })).toBe(false);
        expect(can(actor(role), act, { ownerUserId: null, state })).toBe(false);
        expect(can(actor(role), act, { ownerUserId: `the-${role}`, state })).toBe(true);
      }
    }
  }
});

describe('another person’s attempt', () => {
  const of = (act: AttemptAct, role: Role): string[] =>
    ATTEMPT_STATES.filter((state) => can(actor(role), act, { ownerUserId: 'someone-else', state }));
  const always = [...ATTEMPT_STATES];

  test('is closed to experts in every state and for every act', () => {
    for (const act of ATTEMPT_ACTS) expect(of(act, 'expert')).toEqual([]);
  });

  test('is read and replayed by reviewers once it has ended, by researchers once it is complete, by admins always', () => {
    for (const act of ['attempt.read', 'attempt.replay', 'attempt.readStaff'] as const) {
      expect(of(act, 'reviewer')).toEqual(['completed', 'void']);
      expect(of(act, 'researcher')).toEqual(['completed']);
      expect(of(act, 'admin')).toEqual(always);
    }
  });

  test('is watched, corrected, stopped and messaged by admins alone', () => {
    for (const act of [
      'attempt.watch',
      'attempt.adjust',
      'attempt.stop',
      'attempt.void',
      'attempt.message',
      'attempt.pause',
      'attempt.resume',
    ] as const) {
      expect(of(act, 'admin')).toEqual(always);
      for (const role of ['reviewer', 'researcher'] as const) expect(of(act, role)).toEqual([]);
    }
  });

  test('has its review ended by reviewers and admins once it is over', () => {
    for (const role of ['reviewer', 'admin'] as const) expect(of('attempt.endReview', role)).toEqual(['completed', 'void']);
    expect(of('attempt.endReview', 'researcher')).toEqual([]);
  });

  test('is scored again by reviewers and admins once it is complete', () => {
    for (const role of ['reviewer', 'admin'] as const) expect(of('attempt.scoreAgain', role)).toEqual(['completed']);
    expect(of('attempt.scoreAgain', 'researcher')).toEqual([]);
  });

  test('is exported by researchers once it is complete', () => {
    expect(of('attempt.export', 'researcher')).toEqual(['completed']);
    expect(of('attempt.export', 'reviewer')).toEqual([]);
  });

  test('is read in an export by those who may make exports, whatever became of it since', () => {
    for (const role of ['researcher', 'admin'] as const) expect(of('attempt.readExported', role)).toEqual(always);
    expect(of('attempt.readExported', 'reviewer')).toEqual([]);
  });
});

test('an owner of any role has the participant’s side of their own attempt in any state, and nothing that is staff’s', () => {
  const participants = ['prepare', 'start', 'withdraw', 'participate', 'consent', 'answerSurvey', 'read'].map((act) => `attempt.${act}`);
  for (const role of ROLES) {
    for (const state of ATTEMPT_STATES) {
      const may = ATTEMPT_ACTS.filter((act) => can(actor(role), act, { ownerUserId: `the-${role}`, state }));
      expect(may).toEqual(participants);
    }
  }
});

test('each role has exactly these general rights', () => {
  const of = (role: Role) => GENERAL_ACTS.filter((act) => can(actor(role), act));
  const own = ['self.read', 'self.keepPreferences', 'self.changePassword', 'setup.read', 'setup.write', 'assignment.listOwn'];
  expect(of('expert')).toEqual(own);
  expect(of('reviewer')).toEqual([...own, 'attempt.listFinished', 'study.read', 'environment.read']);
  expect(of('researcher')).toEqual([
    ...own,
    'attempt.listFinished',
    'export.create',
    'export.list',
    'export.download',
    'study.read',
    'environment.read',
  ]);
  expect(of('admin')).toEqual(GENERAL_ACTS);
});

test('an act that does not exist is refused, inherited names included', () => {
  for (const act of ['attempt.fly', 'constructor', 'toString', '__proto__']) {
    expect(can(actor('admin'), act as GeneralAct)).toBe(false);
    expect(can(actor('admin'), act as AttemptAct, { ownerUserId: null, state: 'running' })).toBe(false);
  }
});

test('an act on an attempt without the attempt is refused', () => {
  expect(can(actor('admin'), 'attempt.watch' as GeneralAct)).toBe(false);
});

test('a refusal says whether signing in would help', () => {
  expect(() => assertCan(null, 'user.list')).toThrowError(expect.objectContaining({ code: 'unauthenticated' }));
  expect(() => assertCan(actor('expert'), 'user.list')).toThrowError(expect.objectContaining({ code: 'forbidden' }));
});

test('a refusal says where it is for the attempt being one’s own, and not to those who may not do it to any', () => {
  const own = (role: Role) => () => assertCan(actor(role), 'attempt.replay', { ownerUserId: `the-${role}`, state: 'running' });
  expect(own('admin')).toThrowError(expect.objectContaining({ code: 'forbidden', message: OWN_ATTEMPT_WORDS }));
  expect(own('expert')).toThrowError(expect.objectContaining({ code: 'forbidden', message: 'Your account may not do this.' }));
});
