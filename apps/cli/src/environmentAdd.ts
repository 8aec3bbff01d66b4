import { cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { loadSettings } from '@plumbline/config';
import { AppError } from '@plumbline/core';
import { recordAudit } from '@plumbline/database/audit';
import type { Database } from '@plumbline/database/client';
import { saveEnvironment } from '@plumbline/database/environments';
import { addEnvironmentToStudy } from '@plumbline/database/studies';
import { failureLines } from '@plumbline/sandbox';
import { aggregationDisagreement, askFacts, type Family, type FamilyHost, loadFamily, type TaskDefinition } from '@plumbline/taskstandard';
import { familySandbox, type SandboxFlags, secretsFor } from './environmentSandbox.ts';
import { fetchCommit, findFamilies } from './environmentSource.ts';
import { print } from './output.ts';
import { withPlatform } from './platform.ts';

/** Of what a failed step printed, so many of its last lines stand in the refusal; all of them were printed before it. */
const CAUSE_LINES = 20;

export interface AddFlags extends SandboxFlags {
  git?: string;
  commit?: string;
  overlay?: string;
  family?: string[];
  task?: string[];
  study?: string;
  trust?: boolean;
}

/**
 * Adds the tasks of a folder's or a repository's families as environments. Each task is first asked, in a sandbox, for what an
 * attempt would need; what this platform cannot give is said now and not to an expert.
 */
export async function addEnvironments(dir: string | undefined, flags: AddFlags): Promise<void> {
  if ((dir === undefined) === (flags.git === undefined))
    throw new AppError('invalid_input', 'Give either a folder or --git URL with --commit SHA.');
  const checkout = await mkdtemp(join(tmpdir(), 'plumbline-source-'));
  try {
    if (flags.git !== undefined) await fetchCommit(flags.git, flags.commit ?? '', checkout);
    const families = chosenFamilies(dir ?? checkout, flags.family);
    const refused: string[] = [];
    await withPlatform(async ({ db }) => {
      for (const folder of families) refused.push(...(await addFamily(db, folder, flags)));
    });
    if (refused.length > 0) throw new AppError('invalid_input', `Not added:\n${refused.join('\n')}`);
  } finally {
    await rm(checkout, { recursive: true, force: true });
  }
}

function chosenFamilies(dir: string, names: readonly string[] | undefined): string[] {
  const found = findFamilies(dir);
  if (found.length === 0)
    throw new AppError('not_found', 'There is no task family: no folder NAME with a NAME.py that defines "class TaskFamily".');
  const missing = names?.filter((name) => !found.some((folder) => basename(folder) === name)) ?? [];
  if (missing.length > 0) {
    throw new AppError(
      'not_found',
      `There is no family ${missing.join(', ')}. There are: ${found.map((folder) => basename(folder)).join(', ')}.`,
    );
  }
  return names === undefined ? found : found.filter((folder) => names.includes(basename(folder)));
}

/** Adds one family's tasks; returns, a line each, those that cannot be. */
async function addFamily(db: Database, folder: string, flags: AddFlags): Promise<string[]> {
  const named = loadFamily(folder, { overlayFile: flags.overlay });
  const refused: string[] = [];
  const tasks: TaskDefinition[] = [];
  for (const task of Object.values(named.tasks)) {
    if (flags.task !== undefined && !flags.task.includes(task.name)) continue;
    try {
      tasks.push(flags.trust === true ? trusted(named, task) : await probed(named, task, flags));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const secrets = Object.values(secretsFor(task.settings.requiredVariables, flags));
      refused.push(`  ${named.family}/${task.name}: ${failureLines(error, secrets, CAUSE_LINES).join('\n    ')}`);
    }
  }
  if (tasks.length === 0) return refused;
  const familyDir = await keep(folder, named);
  for (const { name, version, settings } of tasks) {
    const { family, contentHash } = named;
    const environment = await saveEnvironment(db, { family, task: name, version, familyDir, contentHash, settings });
    await recordAudit(db.pool, {
      userId: null,
      act: 'environment.add',
      subject: `environment:${environment.id}`,
      after: { family, task: name, version, contentHash, git: flags.git ?? null, commit: flags.commit ?? null },
    });
    if (flags.study !== undefined) await addEnvironmentToStudy(db, flags.study, environment.id);
    print(`Added ${family}/${name} ${version}, content ${contentHash.slice(0, 12)}: ${environment.id}`);
  }
  return refused;
}

/** Asks the family in a sandbox. Rejects with what stands in the way of an attempt: its data, its packages, its secrets, an auxiliary machine. */
async function probed(family: Family, task: TaskDefinition, flags: AddFlags): Promise<TaskDefinition> {
  const host = await familySandbox(family, task, flags);
  try {
    const { sandbox } = host;
    const facts = await askFacts(
      (argv, run) => sandbox.run('scorer', argv, run),
      family,
      host.root,
      task.name,
      secretsFor(task.settings.requiredVariables, flags),
    );
    if (facts.methods.includes('aggregate_scores')) await requireAggregation({ family, host }, task);
    return { ...task, settings: { ...task.settings, requiredVariables: facts.requiredVariables } };
  } finally {
    await host.destroy();
  }
}

/** Refuses settings by which another row of a log would count than the family itself takes; says where that is not known. */
async function requireAggregation(at: { family: Family; host: FamilyHost }, task: TaskDefinition): Promise<void> {
  const disagreement = await aggregationDisagreement(at, task);
  if (disagreement === null) return;
  const { problem, remedy } = disagreement;
  const said = `aggregate_scores() does not take the row that would count here: ${problem}.`;
  if (remedy !== null) throw new AppError('invalid_input', `${said} Write "${remedy}" into its meta.plumbline, or into an overlay.`);
  print(`warning: ${at.family.family}/${task.name}: ${said}`);
}

/** A family that cannot be prepared on this machine; its runner asks it again. What its text alone shows is refused here too. */
function trusted(family: Family, task: TaskDefinition): TaskDefinition {
  if (family.definesAuxVm) {
    throw new AppError(
      'invalid_input',
      'it defines get_aux_vm_spec(): auxiliary machines are not supported, and without trying it nobody knows whether it wants one.',
    );
  }
  return task;
}

/** Copies the family to where attempts find it for good: below the data folder, by content. */
async function keep(folder: string, family: Family): Promise<string> {
  const { dirs } = loadSettings();
  const target = join(dirs.environments, family.contentHash.slice(0, 16), family.family);
  const half = `${target}.half`;
  await mkdir(half, { recursive: true });
  await cp(folder, half, { recursive: true, verbatimSymlinks: true, filter: (path) => basename(path) !== '.git' });
  await rm(target, { recursive: true, force: true });
  await rename(half, target);
  return target;
}
