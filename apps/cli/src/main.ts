import { loadSettings, SettingsError } from '@plumbline/config';
import { AppError } from '@plumbline/core';
import { plainLine } from '@plumbline/sandbox/isolation/buildLog';
import { Command } from 'commander';
import { EXIT } from './exit.ts';

/** What stands after `plumb`. Each is loaded when it is asked for: all of them together take longer than most commands. */
const COMMANDS: Record<string, () => Promise<(program: Command) => void>> = {
  verify: async () => (await import('./verify.ts')).addVerify,
  export: async () => (await import('./export.ts')).addExport,
  user: async () => (await import('./user.ts')).addUser,
  attempt: async () => (await import('./attempt.ts')).addAttempt,
  recording: async () => (await import('./recording.ts')).addRecording,
  environment: async () => (await import('./environment.ts')).addEnvironment,
  host: async () => (await import('./host.ts')).addHostCommands,
};

const program = new Command('plumb').description('What an operator of Plumbline scripts.').showHelpAfterError().exitOverride();

try {
  program.version(loadSettings().version);
  const asked = Object.entries(COMMANDS).filter(([name]) => name === process.argv[2]);
  // Help, and what to say to a name that is none of theirs, tell of them all.
  for (const [, load] of asked.length > 0 ? asked : Object.entries(COMMANDS)) (await load())(program);
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
