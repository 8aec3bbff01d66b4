import { loadSettings } from '@plumbline/config';
import { AppError } from '@plumbline/core';
import { bubblewrapIsolation, createFamilySandbox, type FamilySandbox, type Isolation, noIsolation } from '@plumbline/sandbox';
import { type Family, readSecrets, type TaskDefinition } from '@plumbline/taskstandard';

/** A family in a sandbox, for the commands that run one. */

export interface SandboxFlags {
  isolation?: string;
  gpus?: string[];
  /** Values of the family's `required_environment_variables`. */
  secrets?: Record<string, string>;
}

const ISOLATIONS: Readonly<Record<string, Isolation>> = { none: noIsolation, bubblewrap: bubblewrapIsolation };

export async function familySandbox(family: Family, task: TaskDefinition, flags: SandboxFlags): Promise<FamilySandbox> {
  const { dirs, isolation: usual } = loadSettings();
  const name = flags.isolation ?? usual;
  const isolation = ISOLATIONS[name];
  if (isolation === undefined)
    throw new AppError('invalid_input', `There is no isolation ${name}. There are: ${Object.keys(ISOLATIONS).join(', ')}.`);
  return createFamilySandbox(family, task, {
    isolation,
    imageDir: dirs.images,
    assetsDir: dirs.assets,
    secrets: secretsFor(task, flags),
    gpuIds: flags.gpus ?? [],
  });
}

/** What the command line gives, whole, else of the installation's secrets those that this family requires. */
export function secretsFor(task: TaskDefinition, flags: SandboxFlags): Record<string, string> {
  const { secretsFile } = loadSettings();
  if (flags.secrets !== undefined) return flags.secrets;
  if (secretsFile === null || task.settings.requiredVariables.length === 0) return {};
  return Object.fromEntries(Object.entries(readSecrets(secretsFile)).filter(([name]) => task.settings.requiredVariables.includes(name)));
}
