import { loadSettings, SettingsError } from '@plumbline/config';
import { AppError } from '@plumbline/core';
import { plainLine } from '@plumbline/sandbox';
import { Command } from 'commander';
import { addAttempt } from './attempt.ts';
import { addEnvironment } from './environment.ts';
import { EXIT } from './exit.ts';
import { addExport } from './export.ts';
import { addHostCommands } from './host.ts';
import { addRecording } from './recording.ts';
import { addUser } from './user.ts';
import { addVerify } from './verify.ts';

const program = new Command('plumb').description('What an operator of Plumbline scripts.').showHelpAfterError().exitOverride();
addVerify(program);
addExport(program);
addUser(program);
addAttempt(program);
addRecording(program);
addEnvironment(program);
addHostCommands(program);

try {
  program.version(loadSettings().version);
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

/** Says what went wrong, and gives the exit status for it. */
function report(error: unknown): number {
  // Commander has printed its own message, or the help that was asked for.
  if (isCommanderError(error)) return error.exitCode === 0 ? 0 : EXIT.failed;
  if (error instanceof SettingsError || error instanceof AppError) process.stderr.write(`${error.message}\n`);
  // What a sandbox's programs said: here no runner writes a log that would have it.
  if (error instanceof AppError && error.code === 'sandbox_unavailable' && error.cause instanceof Error)
    for (const line of error.cause.message.split('\n')) process.stderr.write(`${plainLine(line)}\n`);
  if (error instanceof SettingsError || error instanceof AppError) return EXIT.failed;
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return EXIT.failed;
}

function isCommanderError(error: unknown): error is { exitCode: number } {
  return error instanceof Error && 'exitCode' in error && String((error as { code?: unknown }).code).startsWith('commander.');
}
