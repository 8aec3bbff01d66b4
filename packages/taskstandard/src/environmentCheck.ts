import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import { aggregationDisagreement, exampleLog } from './aggregation.ts';
import { ask, describeOutcome, type EnvironmentOptions, hostFor, QUESTION_TIMEOUT_MS, why } from './environmentScore.ts';
import { type Family, loadFamily } from './family.ts';
import { INSTALL_TIMEOUT_MS, START_TIMEOUT_MS, TEARDOWN_TIMEOUT_MS } from './familyFacts.ts';
import type { FamilyHost } from './familyHost.ts';
import type { TaskDefinition } from './manifest.ts';
import { withFamilyModel } from './models/familyModel.ts';
import type { ModelEndpoint } from './models/modelUpstream.ts';
import { runScore, type ScoreOutcome, type ScoringKind, scoringKind } from './scoring.ts';
import type { TaskOperationArgs } from './taskHost.ts';
import { ManifestError } from './yamlFile.ts';

/** What stands behind `plumb environment check`: a family run whole, every method, with what its author should mend. */

export interface CheckLine {
  /** Null for what concerns the whole family. */
  task: string | null;
  check: string;
  /** `warning`: it will run, and its author should look; `skipped`: could not be tried, with the reason. */
  status: 'ok' | 'warning' | 'failed' | 'skipped';
  message: string;
}

export interface CheckOptions extends EnvironmentOptions {
  /** Only this task; without it all. */
  task?: string;
  /** GPUs that the family sees where it is checked. */
  gpuCount?: number;
  /** Called for each line as it is known: a check may take minutes. */
  onLine?: (line: CheckLine) => void;
  /** Given what `install()` prints where the family runs as plain processes; a sandbox's own maker tells the rest. */
  onLog?: (line: string) => void;
}

/** How far, as a share of the way from starting to reference score, a measured starting score may lie off the published one. */
const STARTING_SCORE_TOLERANCE = 0.25;
/** Of what a failed step printed, so many of its last lines stand in its line of the report. */
const PRINTED_LINES = 12;
const REQUIRED_METHODS = ['get_tasks', 'get_instructions'] as const;

class Report {
  readonly lines: CheckLine[] = [];
  readonly #onLine: ((line: CheckLine) => void) | undefined;

  constructor(onLine: ((line: CheckLine) => void) | undefined) {
    this.#onLine = onLine;
  }

  add(task: string | null, check: string, status: CheckLine['status'], message: string): void {
    const line = { task, check, status, message };
    this.lines.push(line);
    this.#onLine?.(line);
  }
}

interface Bench {
  family: Family;
  host: FamilyHost;
  report: Report;
  modelEndpoint: ModelEndpoint | null;
  onLog: ((line: string) => void) | undefined;
}

/** The end of what a failed step printed. */
function printed(output: string): string {
  const last = output.trim().split('\n').slice(-PRINTED_LINES).join('\n');
  return last === '' ? '' : `\nIt printed last:\n${last}`;
}

/** Message and cause: whoever runs a check is the one to mend it. */
function reasonOf(error: AppError): string {
  return error.cause instanceof Error
    ? `${error.message}\n${error.cause.message.trim().split('\n').slice(-PRINTED_LINES).join('\n')}`
    : error.message;
}

/**
 * Checks a family by running it: schema, every method, a score of the starting solution, an invalid submission,
 * aggregation, direction. Never throws for what is wrong with the family: each finding is a line.
 */
export async function environmentCheck(dir: string, options: CheckOptions = {}): Promise<CheckLine[]> {
  const report = new Report(options.onLine);
  let family: Family;
  try {
    family = loadFamily(dir, options);
  } catch (error) {
    if (error instanceof ManifestError) for (const line of error.message.split('\n')) report.add(null, 'manifest', 'failed', line);
    else if (error instanceof AppError) report.add(null, 'family', 'failed', error.message);
    else throw error;
    return report.lines;
  }
  report.add(
    null,
    'manifest',
    'ok',
    `${family.family} ${family.version}: ${Object.keys(family.tasks).join(', ')}; content ${family.contentHash.slice(0, 12)}`,
  );
  if (family.buildSteps.length > 0 && options.createHost === undefined)
    report.add(null, 'build_steps', 'warning', 'build_steps.json does not run on the bare host; try it with --isolation');
  const tasks = Object.values(family.tasks).filter(({ name }) => options.task === undefined || name === options.task);
  if (tasks.length === 0)
    report.add(null, 'tasks', 'failed', `there is no task ${options.task}; there are: ${Object.keys(family.tasks).join(', ')}`);
  let prepared: ScoringKind | null = null;
  for (const [index, task] of tasks.entries()) {
    const lack = lackedBy(task, options);
    // Each task has a place of its own: what `start` of another left there would be in its way.
    const host = await hostFor(family, lack === null ? task : withoutAssets(task), options).catch((error: unknown) => {
      report.add(task.name, 'place', 'failed', error instanceof AppError ? reasonOf(error) : String(error));
      return null;
    });
    if (host === null) continue;
    try {
      const bench: Bench = { family, host, report, modelEndpoint: options.modelEndpoint ?? null, onLog: options.onLog };
      if (index === 0 || prepared === null) prepared = await checkFamily(bench, options.secrets ?? {});
      else if (!host.installed) await ask(bench, 'install', {}, INSTALL_TIMEOUT_MS);
      if (prepared === null) break;
      await checkTask(bench, task, prepared, lack);
    } finally {
      await host.destroy();
    }
  }
  return report.lines;
}

/** Which GPU or data this task needs and has not got where it is checked, with what to do; null where nothing is known to lack. */
function lackedBy({ settings }: TaskDefinition, { gpuCount = 0, createHost }: CheckOptions): string | null {
  const { gpu } = settings.resources;
  if (gpu !== undefined && gpuCount < gpu.count_range[0]) {
    const there = gpuCount === 0 ? 'no GPU is' : `${gpuCount} ${gpuCount === 1 ? 'is' : 'are'}`;
    return `it needs ${gpu.count_range[0]} × ${gpu.model}, and ${there} at hand: check it on a machine that has as many, naming them with --gpus where there is --isolation`;
  }
  if (settings.assets.length > 0 && createHost === undefined)
    return 'it needs data that is fetched for sandboxes alone: check it with --isolation';
  return null;
}

/** What lies in no data can be asked without: nobody waits for gigabytes that are then not used. */
function withoutAssets(task: TaskDefinition): TaskDefinition {
  return { ...task, settings: { ...task.settings, assets: [] } };
}

/** The family's own part; null where its tasks cannot be tried. */
async function checkFamily(bench: Bench, secrets: Record<string, string>): Promise<ScoringKind | null> {
  const { family, report } = bench;
  const described = await ask(bench, 'describe', {}, QUESTION_TIMEOUT_MS);
  if (!described.ok) {
    report.add(null, 'methods', 'failed', why(described));
    return null;
  }
  const { methods, tasks, required_environment_variables: variables, standard_version: version } = described.value;
  const missing = REQUIRED_METHODS.filter((name) => !methods.includes(name));
  const kind = scoringKind(methods);
  if (version === null) report.add(null, 'standard_version', 'warning', 'TaskFamily has no standard_version');
  if (missing.length > 0) report.add(null, 'methods', 'failed', `TaskFamily does not define ${missing.join(', ')}`);
  else if (kind === null) report.add(null, 'methods', 'failed', 'TaskFamily defines neither score() nor intermediate_score()');
  else if (kind === 'intermediate' && !methods.includes('aggregate_scores'))
    report.add(null, 'methods', 'failed', 'intermediate_score() needs aggregate_scores() beside it');
  else
    report.add(
      null,
      'methods',
      methods.includes('score') && kind === 'intermediate' ? 'warning' : 'ok',
      `standard ${version ?? '?'}: ${methods.join(', ')}`,
    );
  const unknown = Object.keys(family.tasks).filter((name) => !tasks.includes(name));
  const unlisted = tasks.filter((name) => family.tasks[name] === undefined);
  if (unknown.length > 0) report.add(null, 'tasks', 'failed', `the manifest names ${unknown.join(', ')}, which get_tasks() does not have`);
  if (unlisted.length > 0)
    report.add(
      null,
      'tasks',
      'warning',
      `get_tasks() has ${unlisted.join(', ')}, which the manifest does not name and which cannot be assigned`,
    );
  const unset = variables.filter((name) => secrets[name] === undefined);
  if (unset.length > 0) {
    report.add(null, 'environment variables', 'failed', `the family needs ${unset.join(', ')}: give each a value`);
    return null;
  }
  if (missing.length > 0 || kind === null || unknown.length > 0) return null;
  if (bench.host.installed) {
    report.add(null, 'install', 'ok', 'build steps and install() are done');
    return kind;
  }
  const installed = await ask(bench, 'install', {}, INSTALL_TIMEOUT_MS, bench.onLog);
  report.add(
    null,
    'install',
    installed.ok ? 'ok' : 'failed',
    installed.ok ? (methods.includes('install') ? 'done' : 'the family has none') : `${why(installed)}${printed(installed.output)}`,
  );
  return installed.ok ? kind : null;
}

/** @param lack why the task cannot be started here; its questions are asked all the same. */
async function checkTask(bench: Bench, task: TaskDefinition, kind: ScoringKind, lack: string | null): Promise<void> {
  const { report } = bench;
  const { name } = task;
  const instructions = await ask(bench, 'get_instructions', { task: name }, QUESTION_TIMEOUT_MS);
  report.add(
    name,
    'instructions',
    instructions.ok ? 'ok' : 'failed',
    instructions.ok ? `${instructions.value.length} characters` : why(instructions),
  );
  const permissions = await ask(bench, 'get_permissions', { task: name }, QUESTION_TIMEOUT_MS);
  report.add(
    name,
    'permissions',
    permissions.ok ? 'ok' : 'failed',
    permissions.ok ? permissions.value.join(', ') || 'no internet' : why(permissions),
  );
  const machine = await ask(bench, 'get_aux_vm_spec', { task: name }, QUESTION_TIMEOUT_MS);
  if (machine.ok && machine.value !== null)
    report.add(name, 'auxiliary machine', 'failed', 'get_aux_vm_spec() asks for a second machine, which is not supported');
  if (lack !== null) report.add(name, 'start', 'skipped', lack);
  else if (!(await checkScores(bench, task, kind))) return;
  if (kind === 'intermediate') await checkAggregation(bench, task);
  checkDirection(report, task);
  report.add(
    name,
    'usage limits',
    'ok',
    task.settings.scoring.score_on_usage_limits
      ? 'the final state is scored when time is up'
      : 'score_on_usage_limits is false; the final state is scored when time is up all the same',
  );
  const torn = await ask(bench, 'teardown', { task: name }, TEARDOWN_TIMEOUT_MS);
  if (!torn.ok) report.add(name, 'teardown', 'failed', why(torn));
}

/** Starts the task and scores what it begins with; false where it could not be started for a reason that its author should mend. */
async function checkScores(bench: Bench, task: TaskDefinition, kind: ScoringKind): Promise<boolean> {
  const { report } = bench;
  const { name, settings } = task;
  const started = await ask(bench, 'start', { task: name }, START_TIMEOUT_MS);
  if (!started.ok && started.failure.code === 'missing_data') {
    report.add(name, 'start', 'skipped', `its data is not at hand: ${started.failure.message}`);
    return true;
  }
  report.add(name, 'start', started.ok ? 'ok' : 'failed', started.ok ? 'done' : why(started));
  if (!started.ok) return false;
  const args: TaskOperationArgs = { familyDir: bench.host.root, module: bench.family.module, task: name };
  if (settings.model?.standIn === null && bench.modelEndpoint === null) {
    report.add(name, 'starting solution', 'skipped', `it asks the model ${settings.model.name}; set MODEL_API_URL and MODEL_API_KEY`);
    return true;
  }
  const limits = { timeoutMs: settings.scoreTimeoutSeconds * 1000, python: bench.host.python };
  const score = () =>
    withFamilyModel(bench.host, settings, bench.modelEndpoint, (env) => runScore(bench.host.exec, kind, args, { ...limits, env }));
  checkStartingScore(report, task, await score());
  await checkInvalidSubmission(bench, task, score);
  return true;
}

function checkDirection(report: Report, { name, settings }: TaskDefinition): void {
  const { startingScore: from, referenceScore: to } = settings;
  if (from === null || to === null)
    report.add(name, 'direction', 'warning', 'without starting_score and reference_score its scores cannot be normalised');
  else if (settings.direction === 'lower' ? to < from : to > from)
    report.add(name, 'direction', 'ok', `${settings.direction} is better: from ${from} to ${to}`);
  else
    report.add(
      name,
      'direction',
      'failed',
      `direction is ${settings.direction}, and reference_score ${to} is not better than starting_score ${from}`,
    );
}

function checkStartingScore(report: Report, task: TaskDefinition, outcome: ScoreOutcome): void {
  const { startingScore: from, referenceScore: to } = task.settings;
  if (outcome.score === null) {
    // Some families give nothing to start from; all others are expected to have a score.
    report.add(task.name, 'starting solution', from === null ? 'warning' : 'failed', describeOutcome(outcome));
    return;
  }
  const scale = from === null || to === null ? null : Math.abs(to - from);
  const off = from === null || scale === null || scale === 0 ? 0 : Math.abs(outcome.score - from) / scale;
  if (off > STARTING_SCORE_TOLERANCE) {
    report.add(
      task.name,
      'starting solution',
      'warning',
      `${describeOutcome(outcome)}, but starting_score is ${from}: calibrate on this hardware`,
    );
  } else report.add(task.name, 'starting solution', 'ok', describeOutcome(outcome));
}

/** Takes the submission away, scores, and puts it back: a scorer has to answer that with a row and a reason. */
async function checkInvalidSubmission(bench: Bench, task: TaskDefinition, score: () => Promise<ScoreOutcome>): Promise<void> {
  const paths = task.settings.submission.paths.filter((path) => path !== '.');
  if (paths.length === 0) {
    bench.report.add(task.name, 'invalid submission', 'skipped', 'submission.paths names no path that could be taken away');
    return;
  }
  const moved: string[] = [];
  try {
    for (const path of paths) {
      const from = join(bench.host.workspaceDir, path);
      try {
        await rename(from, `${from}.taken-away`);
        moved.push(from);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    const outcome = await score();
    const accepted = outcome.score === null && (outcome.status === 'invalid_submission' || outcome.status === 'nan');
    const message = accepted
      ? describeOutcome(outcome)
      : `${describeOutcome(outcome)}; a missing submission has to give NaN with a message that says why`;
    bench.report.add(task.name, 'invalid submission', accepted ? (outcome.status === 'nan' ? 'warning' : 'ok') : 'failed', message);
  } finally {
    for (const from of moved) await rename(`${from}.taken-away`, from);
  }
}

async function checkAggregation(bench: Bench, task: TaskDefinition): Promise<void> {
  const { report } = bench;
  const { direction, aggregation } = task.settings;
  const none = await ask(bench, 'aggregate_scores', { task: task.name, scoreLog: exampleLog([null, null]) }, QUESTION_TIMEOUT_MS);
  if (!none.ok)
    report.add(
      task.name,
      'aggregation without a score',
      'warning',
      `aggregate_scores() fails on a log of NaN; the platform does not ask it then. ${why(none)}`,
    );
  else if (none.value !== null && Number.isFinite(none.value)) {
    report.add(
      task.name,
      'aggregation without a score',
      'warning',
      `a log of NaN alone gives ${none.value}; the platform says "no valid score" instead`,
    );
  } else report.add(task.name, 'aggregation without a score', 'ok', 'a log of NaN alone gives no score');
  const disagreement = await aggregationDisagreement(bench, task);
  if (disagreement !== null) report.add(task.name, 'aggregation', 'failed', disagreement.problem);
  else report.add(task.name, 'aggregation', 'ok', `${aggregation}, ${direction} is better`);
}
