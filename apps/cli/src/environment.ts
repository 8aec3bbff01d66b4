import { loadSettings } from '@plumbline/config';
import { IsolationName } from '@plumbline/protocol';
import { gpuStates, hidden, logLine, plainLine, withoutSecrets } from '@plumbline/sandbox';
import { hostEnvironment } from '@plumbline/sandbox/host/hostEnvironment';
import { type CheckLine, environmentCheck, environmentScore, type Family, readSecrets, type TaskDefinition } from '@plumbline/taskstandard';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type AddFlags, addEnvironments } from './environmentAdd.ts';
import { type CalibrateFlags, calibrateEnvironment } from './environmentCalibrate.ts';
import { familySandbox, type SandboxFlags, secretsFor } from './environmentSandbox.ts';
import { EXIT } from './exit.ts';
import { print, printJson, printProgress } from './output.ts';

interface EnvironmentFlags extends SandboxFlags {
  overlay?: string;
  envDir?: string;
  json?: boolean;
}

export function addEnvironment(program: Command): void {
  const environment = program.command('environment').description('task families: try them, score with them, add them');
  withFlags(
    environment
      .command('check')
      .description('run every method of a family and say what is wrong with it')
      .argument('<dir>')
      .option('--task <name>', 'only this task'),
  ).action(async (dir: string, flags: EnvironmentFlags & { task?: string }) => {
    const { json, task } = flags;
    const place = placeOf(flags);
    const secrets = hidden(Object.values(place.secrets));
    const onLog = (line: string) => printProgress(logLine(line, secrets));
    const onLine = json === true ? undefined : (line: CheckLine) => print(lineText(shown(line, secrets)));
    const lines = await environmentCheck(dir, { ...place, onLine, onLog, gpuCount: await gpuCountOf(flags), ...(task && { task }) });
    if (json === true) printJson(lines.map((line) => shown(line, secrets)));
    if (lines.some(({ status }) => status === 'failed')) process.exitCode = EXIT.no;
  });
  withFlags(
    environment
      .command('score')
      .description("score a workspace with a family's own scorer")
      .argument('<dir>')
      .requiredOption('--task <name>', 'task of the family')
      .requiredOption('--workspace <dir>', 'folder to score; it stays as it is'),
  ).action(async (dir: string, flags: EnvironmentFlags & { task: string; workspace: string }) => {
    const { json, task, workspace } = flags;
    const { outcome } = await environmentScore(dir, task, { ...placeOf(flags), workspace });
    if (json === true) printJson(outcome);
    else {
      print(outcome.score === null ? `No score: ${outcome.status}.` : `Score: ${outcome.score}`);
      if (outcome.message !== null && outcome.message !== undefined) print(JSON.stringify(outcome.message));
    }
    if (outcome.score === null) process.exitCode = EXIT.no;
  });
  withPlaceFlags(
    environment
      .command('add')
      .description('add the tasks of a folder, or of a repository at one commit, as environments')
      .argument('[dir]')
      .option('--git <url>', 'repository that holds the families')
      .option('--commit <sha>', 'its commit, 40 hexadecimal digits')
      .option('--family <name...>', 'only these families')
      .option('--task <name...>', 'only these tasks')
      .option('--study <id>', 'add them to this study as well')
      .option('--trust', 'add without trying: for families that this machine cannot prepare; their runners try them'),
  ).action((dir: string | undefined, flags: AddFlags) => addEnvironments(dir, flags));
  withPlaceFlags(
    environment
      .command('calibrate')
      .description("score a known solution several times on this machine and no other host, for normalising this hardware's attempts")
      .argument('<dir>')
      .requiredOption('--task <name>', 'task of the family')
      .option('--reference <workspace>', 'folder with a private reference solution; nothing of it is kept')
      .option('-n, --times <number>', 'how often each is scored', positive, 10)
      .option('--profile <name>', 'name of the hardware, where it is not to be found out')
      .option('--json', 'print JSON'),
  ).action((dir: string, flags: CalibrateFlags) => calibrateEnvironment(dir, flags));
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 1000) throw new InvalidArgumentError('It must be a number from 1 to 1000.');
  return value;
}

/** Without `--isolation` a family runs as plain processes of this user, as its author tries it. */
function placeOf(flags: EnvironmentFlags) {
  const { overlay: overlayFile, envDir } = flags;
  const createHost = (family: Family, task: TaskDefinition) => familySandbox(family, task, flags);
  const hostVariables = hostEnvironment();
  return {
    overlayFile,
    envDir,
    secrets: secretsFor([], flags),
    hostVariables,
    modelEndpoint: loadSettings().model,
    ...(flags.isolation === undefined ? {} : { createHost }),
  };
}

/** A sandbox shows the GPUs that are named; plain processes see all. */
async function gpuCountOf({ isolation, gpus }: EnvironmentFlags): Promise<number> {
  if (gpus !== undefined) return gpus.length;
  return isolation === undefined || isolation === 'none' ? (await gpuStates(null)).length : 0;
}

function withPlaceFlags(command: Command): Command {
  return command
    .option('--overlay <file>', 'settings for families that stay as their authors wrote them')
    .addOption(new Option('--isolation <name>', 'run in a sandbox').choices(IsolationName.options))
    .option('--gpus <ids...>', 'GPUs that the sandbox sees, as nvidia-smi names them')
    .option('--secrets <file>', 'NAME=VALUE lines for the variables that the family requires', readSecrets);
}

function withFlags(command: Command): Command {
  return withPlaceFlags(command).option('--env-dir <dir>', 'keep installed packages here for the next run').option('--json', 'print JSON');
}

/** A line as it may be printed: a family's own words stand in it. */
function shown(line: CheckLine, secrets: readonly string[]): CheckLine {
  const said = line.message.split('\n').map((text) => withoutSecrets(plainLine(text), secrets));
  return { ...line, message: said.join('\n') };
}

function lineText({ task, check, status, message }: CheckLine): string {
  return `${status.padEnd(8)}${task === null ? '' : `${task}: `}${check}${message === '' ? '' : `: ${message}`}`;
}
