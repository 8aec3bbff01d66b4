/** For trying Plumbline out on one's own machine: an account of each role, a study, two environments, open assignments. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError, ROLES, type Role } from '@plumbline/core';
import { assign } from '@plumbline/database/assignments';
import type { Database } from '@plumbline/database/client';
import { type NewEnvironment, saveEnvironment } from '@plumbline/database/environments';
import { addEnvironmentToStudy, createStudy } from '@plumbline/database/studies';
import { createUser } from '@plumbline/database/users';
import { loadFamily, ManifestError } from '@plumbline/taskstandard';
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

interface DemoTask {
  familyDir: string;
  task: string;
}

/** A task as its family's files have it now, or what is wrong with them, in words. */
function readTask(environmentsDir: string, { familyDir, task }: DemoTask): NewEnvironment | string {
  try {
    const { family, tasks, contentHash } = loadFamily(join(environmentsDir, familyDir));
    const definition = tasks[task];
    if (definition) return { family, task, version: definition.version, familyDir, contentHash, settings: definition.settings };
    const missing = { line: 1, key: `tasks.${task}`, problem: 'this key is missing', example: `${task}: {}` };
    throw new ManifestError([{ file: `${family}/manifest.yaml`, ...missing }]);
  } catch (error) {
    if (error instanceof AppError) return error.message;
    throw error;
  }
}

/** An assignment that nobody began follows the family's files, which may have changed since it was made. */
async function ensureAssignment(db: Database, studyId: string, userId: string, environment: NewEnvironment): Promise<void> {
  const there = await db.prisma.assignment.findFirst({
    where: { studyId, participant: { userId }, environment: { familyDir: environment.familyDir, task: environment.task } },
    include: { attempt: { select: { id: true } } },
  });
  if (there?.attempt) return;
  const { id: environmentId } = await saveEnvironment(db, environment);
  if (there?.environmentId === environmentId) return;
  await addEnvironmentToStudy(db, studyId, environmentId);
  if (there) await db.prisma.assignment.update({ where: { id: there.id }, data: { environmentId } });
  else await assign(db, { studyId, userId, environmentId }, { by: null });
}

/**
 * Makes what is missing and returns the accounts to print. A family whose files have a mistake is left out, and what to mend is
 * printed as well: nobody has to wait for it with the rest.
 */
export async function seedDemo(db: Database, folders: SeedFolders, environmentsDir = ENVIRONMENTS_DIR): Promise<string[]> {
  for (const role of ROLES) await ensureUser(db, role);
  const expertId = await ensureUser(db, 'expert');
  const study =
    (await db.prisma.study.findUnique({ where: { name: STUDY } })) ?? (await createStudy(db, { name: STUDY, kind: 'pilot' }, { by: null }));
  const lines = [`Demo accounts, all with the password ${DEMO_PASSWORD}:`, ...ROLES.map((role) => `  ${demoEmail(role)}`)];
  for (const task of TASKS) {
    const environment = readTask(environmentsDir, task);
    if (typeof environment === 'string') {
      lines.push(...leftOut(task, environment));
      continue;
    }
    // A frozen study keeps the environments that it began with.
    if (!study.frozenAt) await ensureAssignment(db, study.id, expertId, environment);
    if (task === PRACTICE) {
      const { id } = await saveEnvironment(db, environment);
      if (!study.frozenAt) await addEnvironmentToStudy(db, study.id, id);
      await ensureFinishedAttempt(db, folders, study.id, id);
    }
  }
  return lines;
}

function leftOut({ familyDir }: DemoTask, problems: string): string[] {
  const dir = `environments/${familyDir}`;
  return [
    `The demo goes without ${dir}, whose files have a mistake:`,
    ...problems.split('\n').map((line) => `  ${line}`),
    `Mend it, check it with \`npm run plumb -- environment check ${dir}\`, and start again.`,
  ];
}
