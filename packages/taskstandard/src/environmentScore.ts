import { cp, lchown, readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AppError } from '@plumbline/core';
import { createBareHost, type HostVariables } from './bareHost.ts';
import { type Family, loadFamily, taskOf } from './family.ts';
import { INSTALL_TIMEOUT_MS, START_TIMEOUT_MS } from './familyFacts.ts';
import type { FamilyHost } from './familyHost.ts';
import type { ManifestOptions, TaskDefinition } from './manifest.ts';
import { withFamilyModel } from './models/familyModel.ts';
import type { ModelEndpoint } from './models/modelUpstream.ts';
import { runScore, type ScoreOutcome, type ScoringKind, scoringKind } from './scoring.ts';
import {
  runTaskOperation,
  type TaskOperation,
  type TaskOperationArgs,
  type TaskOperationResult,
  type TaskOperationValue,
} from './taskHost.ts';

/** Running a family outside an attempt: what stands behind `plumb environment score` and `calibrate`, and what `check` builds on. */

export interface EnvironmentOptions extends ManifestOptions {
  /** Kept folder for installed packages, on the bare host. */
  envDir?: string;
  /** Makes the place where the family runs; without it the bare host does. */
  createHost?: (family: Family, task: TaskDefinition) => Promise<FamilyHost>;
  secrets?: Record<string, string>;
  /** This machine's own variables, for the bare host. */
  hostVariables?: HostVariables;
  /** The provider for environments that ask a model. */
  modelEndpoint?: ModelEndpoint | null;
}

export const QUESTION_TIMEOUT_MS = 60_000;
interface Place {
  family: Family;
  host: FamilyHost;
}

/** Runs one operation of the family in its place. */
export function ask<Op extends TaskOperation>(
  at: Place,
  op: Op,
  args: Partial<TaskOperationArgs>,
  timeoutMs: number,
  onLine?: (line: string) => void,
): Promise<TaskOperationResult<TaskOperationValue<Op>>> {
  return runTaskOperation(
    at.host.exec,
    op,
    { familyDir: at.host.root, module: at.family.module, ...args },
    { timeoutMs, python: at.host.python, ...(onLine && { onLine }) },
  );
}

/** What failed, in the family's own words. */
export function why(result: { ok: false; failure: { message: string; traceback: string } }): string {
  const last = result.failure.traceback.trim().split('\n').slice(-4).join('\n');
  return last === '' ? result.failure.message : `${result.failure.message}\n${last}`;
}

/** An outcome in one line. */
export function describeOutcome(outcome: ScoreOutcome): string {
  const details = outcome.score === null ? JSON.stringify(outcome.status === 'crashed' ? outcome.details : outcome.message) : '';
  return `${outcome.status}${outcome.score === null ? '' : ` ${outcome.score}`} in ${(outcome.durationMs / 1000).toFixed(1)} s ${details}`.trim();
}

/** Where a task can be tried. Throws `invalid_input` for what the bare host would have to do to this machine itself. */
export async function hostFor(family: Family, task: TaskDefinition, options: EnvironmentOptions): Promise<FamilyHost> {
  if (options.createHost !== undefined) return options.createHost(family, task);
  const { rootScorer, assets } = task.settings;
  if (rootScorer === true) {
    throw new AppError(
      'invalid_input',
      'the family changes users and writes to /root, /protected and /home/agent, as in the standard\u2019s own container; try it with --isolation docker',
    );
  }
  if (assets.length > 0)
    throw new AppError('invalid_input', 'the family needs assets, which are fetched for sandboxes alone; try it with --isolation');
  const { envDir, secrets, hostVariables } = options;
  // Never in a workspace that is given to be scored: `start` would write over it.
  return createBareHost(family.dir, {
    ...(envDir === undefined ? {} : { envDir }),
    ...(secrets === undefined ? {} : { secrets }),
    ...(hostVariables === undefined ? {} : { hostVariables }),
  });
}

export interface EnvironmentScore {
  task: TaskDefinition;
  outcome: ScoreOutcome;
}

/**
 * Scores a workspace with a family's scorer on the bare host, without the platform. `start` runs in a workspace of its
 * own first, so that what it puts into `/protected` is there and the given workspace stays as it is. Throws `AppError`
 * where the family cannot be read, prepared or started.
 */
export async function environmentScore(
  dir: string,
  taskName: string,
  options: EnvironmentOptions & { workspace: string },
): Promise<EnvironmentScore> {
  const { family, task } = findTask(dir, taskName, options);
  const workspace = resolve(options.workspace);
  const host = await hostFor(family, task, options);
  try {
    const { kind, args, limits } = await startedTask(family, task, host);
    const env = await showWorkspace(host, workspace);
    const outcome = await withFamilyModel(host, task.settings, options.modelEndpoint, (modelEnv) =>
      runScore(host.exec, kind, args, { ...limits, env: { ...env, ...modelEnv } }),
    );
    return { task, outcome };
  } finally {
    await host.destroy();
  }
}

interface StartedTask {
  kind: ScoringKind;
  args: TaskOperationArgs;
  limits: { timeoutMs: number; python: string };
}

/** Prepares a task in a fresh place, up to the point where it can be scored. Throws `AppError` with the family's own words. */
async function startedTask(family: Family, task: TaskDefinition, host: FamilyHost): Promise<StartedTask> {
  const at = { family, host };
  const described = await ask(at, 'describe', {}, QUESTION_TIMEOUT_MS);
  const kind = described.ok ? scoringKind(described.value.methods) : null;
  if (kind === null)
    throw new AppError('invalid_input', `${family.family} cannot be scored: ${described.ok ? 'it has no scorer' : why(described)}`);
  for (const [op, timeoutMs] of [
    ['install', INSTALL_TIMEOUT_MS],
    ['start', START_TIMEOUT_MS],
  ] as const) {
    if (op === 'install' && host.installed) continue;
    const done = await ask(at, op, { task: task.name }, timeoutMs);
    if (!done.ok) throw new AppError('scorer_failed', `${family.family}: ${op} failed. ${why(done)}`);
  }
  return {
    kind,
    args: { familyDir: host.root, module: family.module, task: task.name },
    limits: { timeoutMs: task.settings.scoreTimeoutSeconds * 1000, python: host.python },
  };
}

/** Makes the given folder the workspace that is scored, without writing to it where that can be helped. */
async function showWorkspace(host: FamilyHost, workspace: string): Promise<Record<string, string>> {
  if (host.workspaceVariables !== null) return host.workspaceVariables(workspace);
  const { uid, gid } = await stat(host.workspaceDir);
  await cp(workspace, host.workspaceDir, { recursive: true, force: true, verbatimSymlinks: true });
  for (const entry of await readdir(host.workspaceDir, { recursive: true })) await lchown(join(host.workspaceDir, entry), uid, gid);
  return {};
}

/**
 * Scores one solution `times` times, each in a fresh place, for a calibration: the starting solution, or a workspace that is
 * laid over it. A score without a number is an error: a noise measured over what is left would be too small.
 */
export async function measureScores(
  dir: string,
  taskName: string,
  options: EnvironmentOptions & { times: number; workspace?: string; onScore?: (score: number) => void },
): Promise<number[]> {
  const { family, task } = findTask(dir, taskName, options);
  const scores: number[] = [];
  for (let n = 0; n < options.times; n++) {
    const host = await hostFor(family, task, options);
    try {
      const { kind, args, limits } = await startedTask(family, task, host);
      const env = options.workspace === undefined ? {} : await showWorkspace(host, resolve(options.workspace));
      const outcome = await withFamilyModel(host, task.settings, options.modelEndpoint, (modelEnv) =>
        runScore(host.exec, kind, args, { ...limits, env: { ...env, ...modelEnv } }),
      );
      if (outcome.score === null)
        throw new AppError('scorer_failed', `Score ${n + 1} of ${options.times} gave no number: ${describeOutcome(outcome)}`);
      scores.push(outcome.score);
      options.onScore?.(outcome.score);
    } finally {
      await host.destroy();
    }
  }
  return scores;
}

function findTask(dir: string, taskName: string, options: ManifestOptions): { family: Family; task: TaskDefinition } {
  const family = loadFamily(dir, options);
  return { family, task: taskOf(family, taskName) };
}
