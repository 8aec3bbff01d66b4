import { loadSettings } from '@plumbline/config';
import type { IsolationName } from '@plumbline/protocol';
import { createFamilySandbox, type FamilySandbox, isolationNamed } from '@plumbline/sandbox';
import { type Family, familySecrets, type TaskDefinition } from '@plumbline/taskstandard';
import { printProgress } from './output.ts';

/** A family in a sandbox, for the commands that run one. */

export interface SandboxFlags {
  isolation?: IsolationName;
  gpus?: string[];
  /** Values of the family's `required_environment_variables`. */
  secrets?: Record<string, string>;
}

export async function familySandbox(family: Family, task: TaskDefinition, flags: SandboxFlags): Promise<FamilySandbox> {
  const { dirs, isolation: usual, docker } = loadSettings();
  return createFamilySandbox(family, task, {
    isolation: isolationNamed(flags.isolation ?? usual, docker),
    imageDir: dirs.images,
    assetsDir: dirs.assets,
    secrets: secretsFor(task.settings.requiredVariables, flags),
    gpuIds: flags.gpus ?? [],
    onLog: printProgress,
  });
}

/** The installation's seed, so that a workspace is scored in the world that it was made in, and what the command line gives; else what is required. */
export function secretsFor(requiredVariables: readonly string[], { secrets }: SandboxFlags): Record<string, string> {
  const { secretsFile } = loadSettings();
  return secrets === undefined ? familySecrets(requiredVariables, secretsFile) : { ...familySecrets([], secretsFile), ...secrets };
}
