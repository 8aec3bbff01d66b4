import { loadSettings } from '@plumbline/config';
import { AppError } from '@plumbline/core';
import { IsolationName } from '@plumbline/protocol';
import { createFamilySandbox, type FamilySandbox, isolationNamed } from '@plumbline/sandbox';
import { type Family, readSecrets, secretsNamed, type TaskDefinition } from '@plumbline/taskstandard';

/** A family in a sandbox, for the commands that run one. */

export interface SandboxFlags {
  isolation?: string;
  gpus?: string[];
  /** Values of the family's `required_environment_variables`. */
  secrets?: Record<string, string>;
}

export async function familySandbox(family: Family, task: TaskDefinition, flags: SandboxFlags): Promise<FamilySandbox> {
  const { dirs, isolation: usual, docker } = loadSettings();
  const name = IsolationName.safeParse(flags.isolation ?? usual);
  if (!name.success) {
    throw new AppError('invalid_input', `There is no isolation ${flags.isolation}. There are: ${IsolationName.options.join(', ')}.`);
  }
  return createFamilySandbox(family, task, {
    isolation: isolationNamed(name.data, docker),
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
  return secretsNamed(task.settings.requiredVariables, readSecrets(secretsFile));
}
