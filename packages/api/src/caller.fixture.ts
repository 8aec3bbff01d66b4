import type { Actor, Role } from '@plumbline/core';
import type { Database } from '@plumbline/database/client';
import { makeUser } from '@plumbline/testing';
import { createCaller } from './appRouter.ts';
import type { ApiContext } from './context.ts';

/** For tests: every procedure as it answers this actor, null for nobody, on a platform whose gateway pauses whatever it is told to. */
export function callerOf(db: Database, actor: Actor | null, more: Partial<ApiContext> = {}) {
  const context: ApiContext = {
    actor,
    sessionId: null,
    db,
    clock: { nowMs: () => Date.now() },
    workspaceRetentionMs: 0,
    pauseLive: async () => {},
    lastInputAtMs: async () => null,
  };
  return createCaller({ ...context, ...more });
}

/** A new user of this role. */
export async function makeActor(db: Database, role: Role): Promise<Actor> {
  return { userId: (await makeUser(db, role)).id, role };
}

/** What a participant may answer after the end. */
export const SURVEY = { expectation: 'worse', difficulty: 4, problems: 'The disk was slow.', offClockMinutes: 20 } as const;

/** What somebody may have chosen for their workspace. */
export const PREFERENCES = {
  version: 1,
  autoSave: true,
  formatOnSave: true,
  copyOnSelection: false,
  wordWrap: false,
  tourSeen: true,
  layout: null,
} as const;
