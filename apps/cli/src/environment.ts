import { type CheckLine, environmentCheck, environmentScore } from '@plumbline/taskstandard/environmentCheck';
import type { Command } from 'commander';
import { EXIT } from './exit.ts';
import { print, printJson } from './output.ts';

interface EnvironmentFlags {
  overlay?: string;
  envDir?: string;
  json?: boolean;
}

export function addEnvironment(program: Command): void {
  const environment = program.command('environment').description('task families, run on this machine without the platform');
  withFlags(
    environment.command('check').description('run every method of a family and say what is wrong with it').argument('<dir>'),
  ).action(async (dir: string, { json, overlay, envDir }: EnvironmentFlags) => {
    const onLine = json === true ? undefined : (line: CheckLine) => print(lineText(line));
    const lines = await environmentCheck(dir, { overlayFile: overlay, envDir, onLine });
    if (json === true) printJson(lines);
    if (lines.some(({ status }) => status === 'failed')) process.exitCode = EXIT.no;
  });
  withFlags(
    environment
      .command('score')
      .description("score a workspace with a family's own scorer")
      .argument('<dir>')
      .requiredOption('--task <name>', 'task of the family')
      .requiredOption('--workspace <dir>', 'folder to score; it stays as it is'),
  ).action(async (dir: string, { json, task, workspace, overlay, envDir }: EnvironmentFlags & { task: string; workspace: string }) => {
    const { outcome } = await environmentScore(dir, task, { overlayFile: overlay, envDir, workspace });
    if (json === true) printJson(outcome);
    else {
      print(outcome.score === null ? `No score: ${outcome.status}.` : `Score: ${outcome.score}`);
      if (outcome.message !== null && outcome.message !== undefined) print(JSON.stringify(outcome.message));
    }
    if (outcome.score === null) process.exitCode = EXIT.no;
  });
}

function withFlags(command: Command): Command {
  return command
    .option('--overlay <file>', 'settings for a family that stays as its authors wrote it')
    .option('--env-dir <dir>', 'keep installed packages here for the next run')
    .option('--json', 'print JSON');
}

function lineText({ task, check, status, message }: CheckLine): string {
  return `${status.padEnd(8)}${task === null ? '' : `${task}: `}${check}${message === '' ? '' : `: ${message}`}`;
}
