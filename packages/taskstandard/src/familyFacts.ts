import { AppError } from '@plumbline/core';
import { z } from 'zod';
import type { Family } from './family.ts';
import { type Exec, runTaskOperation, type TaskOperation, type TaskOperationArgs, type TaskOperationValue } from './taskHost.ts';

/** What a family says of itself, asked where its sandboxes will be made, and the steps before anybody works on it. */

/** Packages and compilers may be fetched and built. */
export const INSTALL_TIMEOUT_MS = 60 * 60_000;
/** Data may be prepared. The same in an attempt and on the command line. */
export const START_TIMEOUT_MS = 30 * 60_000;
const ASK_TIMEOUT_MS = 60_000;
/** A machine is given back after it, whatever it does. */
export const TEARDOWN_TIMEOUT_MS = 60_000;
const BUILD_OUTPUT_MAX_BYTES = 8 * 1024 * 1024;

/** A file or folder of the family as `COPY` of an image takes it: a folder's contents into the destination, whether that is there or not. */
const COPY_SCRIPT = `
if [ -d "$1" ]; then mkdir -p -- "$2" && cp -R -- "$1/." "$2"
else
  case "$2" in */) mkdir -p -- "$2" ;; *) mkdir -p -- "$(dirname -- "$2")" ;; esac
  cp -- "$1" "$2"
fi`;

/** The family's own answers, kept in the state folder so that they are asked for once. */
export const TaskFacts = z.object({
  contentHash: z.string(),
  methods: z.array(z.string()),
  instructions: z.string(),
  permissions: z.array(z.string()),
  requiredVariables: z.array(z.string()),
  /** What `start()` laid belongs to whom it gave it to, and to nobody else afterwards. */
  keepsOwners: z.boolean().default(false),
});
export type TaskFacts = z.infer<typeof TaskFacts>;

/** What a task's permissions let its participant reach. */
export function networkOf(permissions: readonly string[]): 'none' | 'internet' {
  return permissions.includes('full_internet') ? 'internet' : 'none';
}

/** Runs one operation and returns its value; a failing family is an error here, with what it printed. */
async function ask<Op extends TaskOperation>(
  exec: Exec,
  op: Op,
  args: TaskOperationArgs,
  timeoutMs: number,
  env: Record<string, string> = {},
): Promise<TaskOperationValue<Op>> {
  const result = await runTaskOperation(exec, op, args, { timeoutMs, env });
  if (result.ok) return result.value;
  const { failure } = result;
  throw new AppError('sandbox_unavailable', `The environment's ${op}() failed: ${failure.message}`, {
    cause: new Error([failure.traceback, result.output].filter(Boolean).join('\n').slice(-20_000)),
  });
}

/** The build steps and the family's `install()`, in the image that is being made. */
export async function installFamily(exec: Exec, family: Family, root: string): Promise<void> {
  for (const step of family.buildSteps) {
    const script = step.type === 'shell' ? step.commands.join('\n') : COPY_SCRIPT;
    const args = step.type === 'shell' ? [] : ['build-step', step.source, step.destination];
    // A shell whose input is a socket reads start-up files that are made for people.
    const done = await exec(['/bin/bash', '--norc', '-euo', 'pipefail', '-c', script, ...args], {
      input: Buffer.alloc(0),
      timeoutMs: INSTALL_TIMEOUT_MS,
      maxOutputBytes: BUILD_OUTPUT_MAX_BYTES,
      cwd: root,
    });
    if (done.exitCode === 0) continue;
    const printed = Buffer.concat([done.stdout, done.stderr]).toString().slice(-20_000);
    throw new AppError('sandbox_unavailable', 'A build step of the environment failed.', { cause: new Error(printed) });
  }
  const { methods } = await ask(exec, 'describe', { familyDir: root, module: family.module }, ASK_TIMEOUT_MS);
  if (methods.includes('install')) await ask(exec, 'install', { familyDir: root, module: family.module }, INSTALL_TIMEOUT_MS);
}

/** Asks the family what does not change. Rejects with `sandbox_unavailable` where it fails or needs what is not given. */
export async function askFacts(
  exec: Exec,
  family: Family,
  root: string,
  task: string,
  secrets: Record<string, string>,
): Promise<TaskFacts> {
  const args = { familyDir: root, module: family.module, task };
  const described = await ask(exec, 'describe', args, ASK_TIMEOUT_MS);
  const missing = described.required_environment_variables.filter((name) => secrets[name] === undefined);
  if (missing.length > 0) {
    throw new AppError(
      'sandbox_unavailable',
      `The environment needs what this installation does not have: ${missing.join(', ')}. Its operator adds it to the file that PLUMBLINE_SECRETS_FILE names.`,
    );
  }
  if (!described.tasks.includes(task))
    throw new AppError('not_found', `${family.family} has no task ${task}. It has: ${described.tasks.join(', ')}.`);
  if (described.methods.includes('get_aux_vm_spec') && (await ask(exec, 'get_aux_vm_spec', args, ASK_TIMEOUT_MS, secrets)) !== null) {
    throw new AppError('sandbox_unavailable', 'The environment asks for an auxiliary virtual machine, which is not supported.');
  }
  return {
    contentHash: family.contentHash,
    methods: described.methods,
    instructions: await ask(exec, 'get_instructions', args, ASK_TIMEOUT_MS, secrets),
    permissions: described.methods.includes('get_permissions') ? await ask(exec, 'get_permissions', args, ASK_TIMEOUT_MS, secrets) : [],
    requiredVariables: described.required_environment_variables,
    keepsOwners: described.skip_chown_after_start,
  };
}

/** Runs the family's `teardown()`, where it has one, once its sandbox is of no more use. Rejects with `sandbox_unavailable` where it fails. */
export async function tearDownFamily(
  exec: Exec,
  task: { family: Family; name: string; facts: TaskFacts },
  root: string,
  secrets: Record<string, string>,
): Promise<void> {
  if (!task.facts.methods.includes('teardown')) return;
  await ask(exec, 'teardown', { familyDir: root, module: task.family.module, task: task.name }, TEARDOWN_TIMEOUT_MS, secrets);
}

/** Runs the family's `start()` in a sandbox that nobody has used. */
export async function startFamily(
  exec: Exec,
  task: { family: Family; name: string; facts: TaskFacts },
  root: string,
  secrets: Record<string, string>,
): Promise<void> {
  if (!task.facts.methods.includes('start')) return;
  await ask(exec, 'start', { familyDir: root, module: task.family.module, task: task.name }, START_TIMEOUT_MS, secrets);
}
