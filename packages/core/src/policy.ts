import type { Actor, Role } from './actor.ts';
import type { AttemptState } from './attemptState.ts';
import { AppError } from './errors.ts';

/**
 * Who may do what: the one function that pages, sockets and downloads ask. An act that is not listed here does not exist.
 * Participating is the owner's alone, whatever the role: nobody types into another person's attempt.
 */

export interface AttemptSubject {
  /** The user whose attempt it is; null for an agent's. */
  ownerUserId: string | null;
  state: AttemptState;
}

type Rule = (actor: Actor, subject: AttemptSubject) => boolean;

const isOwner: Rule = (actor, subject) => subject.ownerUserId !== null && subject.ownerUserId === actor.userId;
const isAdmin: Rule = (actor) => actor.role === 'admin';
const hasEnded = (state: AttemptState): boolean => state === 'completed' || state === 'void';

/** Staff who may read an attempt: admins at any time, reviewers once it has ended, researchers once it is complete. */
const staffMayRead: Rule = (actor, { state }) =>
  actor.role === 'admin' || (actor.role === 'reviewer' && hasEnded(state)) || (actor.role === 'researcher' && state === 'completed');

/**
 * What staff read and do of an attempt, never of one's own: who takes part in one has nobody's side but the participant's, whatever
 * the role, or an admin's own hidden scores would be shown to the one from whom they are hidden.
 */
const ofOthers =
  (rule: Rule): Rule =>
  (actor, subject) =>
    !isOwner(actor, subject) && rule(actor, subject);

/** Acts on one attempt. */
const ATTEMPT_RULES = {
  /** Prepare the sandbox, start the clock, withdraw. */
  'attempt.prepare': isOwner,
  'attempt.start': isOwner,
  'attempt.withdraw': isOwner,
  /** Type, edit, score, note, pause, resume, submit: the attempt's socket, and pages that its sandbox serves. */
  'attempt.participate': isOwner,
  /** Say what one agrees to: nobody does it for another. */
  'attempt.consent': isOwner,
  /** Answer the survey at the end. */
  'attempt.answerSurvey': isOwner,
  /** State, clock and notes, and scores as far as they are shown to whoever asks. */
  'attempt.read': (actor, subject) => isOwner(actor, subject) || staffMayRead(actor, subject),
  /** Details and output of scores, staff's texts, hidden scores. */
  'attempt.readStaff': ofOthers(staffMayRead),
  /** See it live: its replay while it runs. */
  'attempt.watch': ofOthers(isAdmin),
  /** The recording: segments, manifest, blobs. */
  'attempt.replay': ofOthers(staffMayRead),
  'attempt.message': ofOthers(isAdmin),
  'attempt.pause': ofOthers(isAdmin),
  'attempt.resume': ofOthers(isAdmin),
  'attempt.adjust': ofOthers(isAdmin),
  'attempt.stop': ofOthers(isAdmin),
  /** End it so that it does not count. */
  'attempt.void': ofOthers(isAdmin),
  /** Say that its review is over, or goes on after all. */
  'attempt.endReview': ofOthers(({ role }, { state }) => (role === 'admin' || role === 'reviewer') && hasEnded(state)),
  /** Have the platform take the scores that it could not take at the end. */
  'attempt.scoreAgain': ofOthers(({ role }, { state }) => (role === 'admin' || role === 'reviewer') && state === 'completed'),
  /** Have a dataset made of it. */
  'attempt.export': ofOthers(({ role }, { state }) => role === 'admin' || (role === 'researcher' && state === 'completed')),
  /** Be given a dataset that it is in, whoever had it made: that has its scores, and of its recording what is for staff alone. */
  'attempt.readExported': ofOthers(({ role }) => role === 'admin' || role === 'researcher'),
} as const satisfies Record<string, Rule>;

/** Acts that concern no single attempt, with the roles that may. */
const GENERAL_RULES = {
  'self.read': ['expert', 'reviewer', 'researcher', 'admin'],
  /** What one chose for one's own workspace. */
  'self.keepPreferences': ['expert', 'reviewer', 'researcher', 'admin'],
  'self.changePassword': ['expert', 'reviewer', 'researcher', 'admin'],
  /** One's own setup: dotfiles and keymap. */
  'setup.read': ['expert', 'reviewer', 'researcher', 'admin'],
  'setup.write': ['expert', 'reviewer', 'researcher', 'admin'],
  /** One's own assignments and attempts. */
  'assignment.listOwn': ['expert', 'reviewer', 'researcher', 'admin'],
  'attempt.listFinished': ['reviewer', 'researcher', 'admin'],
  'attempt.listLive': ['admin'],
  'export.create': ['researcher', 'admin'],
  'export.list': ['researcher', 'admin'],
  /** Of exports that have no attempt of one's own, as `attempt.readExported` says. */
  'export.download': ['researcher', 'admin'],
  'study.read': ['reviewer', 'researcher', 'admin'],
  'study.write': ['admin'],
  /** The versions of studies' agreements, and who answered what. */
  'agreement.read': ['admin'],
  'agreement.write': ['admin'],
  'environment.read': ['reviewer', 'researcher', 'admin'],
  'environment.write': ['admin'],
  'assignment.read': ['admin'],
  'assignment.write': ['admin'],
  'user.list': ['admin'],
  'user.write': ['admin'],
  'audit.read': ['admin'],
  'host.read': ['admin'],
  'host.write': ['admin'],
  'platform.read': ['admin'],
} as const satisfies Record<string, readonly Role[]>;

export type AttemptAct = keyof typeof ATTEMPT_RULES;
export type GeneralAct = keyof typeof GENERAL_RULES;
export type Act = AttemptAct | GeneralAct;

export const ATTEMPT_ACTS = Object.keys(ATTEMPT_RULES) as AttemptAct[];
export const GENERAL_ACTS = Object.keys(GENERAL_RULES) as GeneralAct[];

/** Whether someone may do something; nobody signed in (`null`) may do nothing. Acts on an attempt need the attempt. */
export function can(actor: Actor | null, act: GeneralAct): boolean;
export function can(actor: Actor | null, act: AttemptAct, subject: AttemptSubject): boolean;
export function can(actor: Actor | null, act: Act, subject?: AttemptSubject): boolean {
  if (actor === null) return false;
  if (Object.hasOwn(GENERAL_RULES, act)) return (GENERAL_RULES[act as GeneralAct] as readonly Role[]).includes(actor.role);
  if (!Object.hasOwn(ATTEMPT_RULES, act) || subject === undefined) return false;
  return (ATTEMPT_RULES[act as AttemptAct] as Rule)(actor, subject);
}

export const OWN_ATTEMPT_WORDS = 'This attempt is your own: others watch, replay, judge and export it.';

/**
 * The same question, for those who cannot go on without.
 *
 * @throws AppError `unauthenticated` for nobody, `forbidden` otherwise.
 */
export function assertCan(actor: Actor | null, act: GeneralAct): asserts actor is Actor;
export function assertCan(actor: Actor | null, act: AttemptAct, subject: AttemptSubject): asserts actor is Actor;
export function assertCan(actor: Actor | null, act: Act, subject?: AttemptSubject): asserts actor is Actor {
  if (actor === null) throw new AppError('unauthenticated', 'You are not signed in, or your sign-in has ended. Sign in again.');
  const allowed = subject === undefined ? can(actor, act as GeneralAct) : can(actor, act as AttemptAct, subject);
  if (allowed) return;
  const isForOthers = subject !== undefined && can(actor, act as AttemptAct, { ...subject, ownerUserId: null });
  throw new AppError('forbidden', isForOthers ? OWN_ATTEMPT_WORDS : 'Your account may not do this.');
}

/**
 * What a ticket opens: for the attempt's participant the socket, or a page that is served in the sandbox (`port`); for staff one pause,
 * which the web process asks the gateway for in their name.
 */
export type TicketPurpose = 'participate' | 'port' | 'pause';
