/** For trying Plumbline out on one's own machine: an account of each role, a study, two environments, open assignments. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError, CONSENTS, type Consents, ROLES, type Role } from '@plumbline/core';
import { answerAgreement, findAgreement, writeAgreement } from '@plumbline/database/agreements';
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

/** What an agreement may look like. It is about this installation alone, and promises nothing in anybody's name. */
const AGREEMENT = `# The agreement of the demo study

This is an example, for trying Plumbline out on your own machine. A study with real participants has a text of its own, which its staff
write on the page *Agreements*.

## What is done

You work in a sandbox against a clock. From the moment at which you start it, what you do in the workspace is recorded; the help page
lists what that is. The environment's own scorer scores your work.

## Where it is kept

Recordings are kept, encrypted, in this installation's data folder. Nothing leaves this machine unless somebody who has an account here
downloads it.

## Your say

Below you decide, one by one, what may be done with the attempt. You can leave it at any time before its end, without a reason. When it
has ended you see your answers again on its page, and can change them until the day that is named there.
`;
const CONTACT = 'whoever runs this installation';

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

/** The study's agreement; one that is there stays. Its day is a year from now. */
async function ensureAgreement(db: Database, studyId: string): Promise<void> {
  if ((await db.prisma.agreementVersion.count({ where: { studyId } })) > 0) return;
  const { rows } = await db.pool.query<{ until: Date }>(`SELECT clock_timestamp() + interval '1 year' AS until`);
  await writeAgreement(db, studyId, { text: AGREEMENT, contact: CONTACT, withdrawUntil: rows[0]?.until as Date }, { by: null });
}

/** The finished attempt was made for the demo, and comes with the product for everybody: whoever made it agrees to all of it. */
async function ensureConsents(db: Database, studyId: string): Promise<void> {
  const finished = await db.prisma.attempt.findFirst({ where: { assignment: { studyId, participant: { userId: null } } } });
  if (finished === null) return;
  const { version, answers } = await findAgreement(db, finished.id);
  if (version === null || answers !== null) return;
  const consents = Object.fromEntries(CONSENTS.map((consent) => [consent, true])) as Consents;
  await answerAgreement(db, finished.id, { versionId: version.id, consents });
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
  await ensureAgreement(db, study.id);
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
      await ensureConsents(db, study.id);
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
