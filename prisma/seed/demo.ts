/** For trying Plumbline out on one's own machine: an account of each role, a study, two environments, open assignments. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROLES, type Role } from '@plumbline/core';
import { assign } from '@plumbline/database/assignments';
import type { Database } from '@plumbline/database/client';
import { saveEnvironment } from '@plumbline/database/environments';
import { addEnvironmentToStudy, createStudy } from '@plumbline/database/studies';
import { createUser } from '@plumbline/database/users';
import { loadFamily } from '@plumbline/taskstandard';
import { ensureFinishedAttempt, type SeedFolders } from './finishedAttempt.ts';

/** Known to everybody: these accounts are made only where the pages listen on this machine alone. */
export const DEMO_PASSWORD = 'plumbline-demo';
export const demoEmail = (role: Role) => `${role}@demo.plumbline.local`;

const STUDY = 'Demo study';
const ENVIRONMENTS_DIR = fileURLToPath(new URL('../../environments', import.meta.url));
/** Families below `environments/`, each with the task that the study uses. */
const PRACTICE = { familyDir: 'practice', task: 'main' };
const TASKS = [PRACTICE, { familyDir: 're-bench/optimize_kernel', task: 'small' }];

async function ensureUser(db: Database, role: Role): Promise<string> {
  const email = demoEmail(role);
  const there = await db.prisma.user.findUnique({ where: { email }, select: { id: true } });
  if (there) return there.id;
  const name = `Demo ${role}`;
  return (await createUser(db, { email, name, role, password: DEMO_PASSWORD }, { by: null })).id;
}

async function currentEnvironment(db: Database, { familyDir, task }: { familyDir: string; task: string }): Promise<string> {
  const { family, tasks, contentHash } = loadFamily(join(ENVIRONMENTS_DIR, familyDir));
  const definition = tasks[task];
  if (!definition) throw new Error(`environments/${familyDir}/manifest.yaml has no task "${task}".`);
  const { version, settings } = definition;
  return (await saveEnvironment(db, { family, task, version, familyDir, contentHash, settings })).id;
}

/** An assignment that nobody began follows the family's files, which may have changed since it was made. */
async function ensureAssignment(db: Database, studyId: string, userId: string, task: { familyDir: string; task: string }): Promise<void> {
  const there = await db.prisma.assignment.findFirst({
    where: { studyId, participant: { userId }, environment: task },
    include: { attempt: { select: { id: true } } },
  });
  if (there?.attempt) return;
  const environmentId = await currentEnvironment(db, task);
  if (there?.environmentId === environmentId) return;
  await addEnvironmentToStudy(db, studyId, environmentId);
  if (there) await db.prisma.assignment.update({ where: { id: there.id }, data: { environmentId } });
  else await assign(db, { studyId, userId, environmentId }, { by: null });
}

/** Makes what is missing and returns the accounts to print. */
export async function seedDemo(db: Database, folders: SeedFolders): Promise<string[]> {
  for (const role of ROLES) await ensureUser(db, role);
  const expertId = await ensureUser(db, 'expert');
  const study =
    (await db.prisma.study.findUnique({ where: { name: STUDY } })) ?? (await createStudy(db, { name: STUDY, kind: 'pilot' }, { by: null }));
  // A frozen study keeps the environments that it began with.
  if (!study.frozenAt) for (const task of TASKS) await ensureAssignment(db, study.id, expertId, task);
  const practice = await currentEnvironment(db, PRACTICE);
  if (!study.frozenAt) await addEnvironmentToStudy(db, study.id, practice);
  await ensureFinishedAttempt(db, folders, study.id, practice);
  return [`Demo accounts, all with the password ${DEMO_PASSWORD}:`, ...ROLES.map((role) => `  ${demoEmail(role)}`)];
}
