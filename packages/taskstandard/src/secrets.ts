import { readFileSync } from 'node:fs';
import { AppError } from '@plumbline/core';

/**
 * Reads a file of NAME=VALUE lines; `#` begins a comment line, quotes around a value are taken off. Throws `invalid_input`, naming
 * file and line and never a value.
 */
export function readSecrets(path: string): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new AppError('invalid_input', `The secrets file ${path} cannot be read.`, { cause: error });
  }
  const secrets: Record<string, string> = {};
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const match = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line.trim());
    if (match === null) throw new AppError('invalid_input', `${path}:${index + 1}: a line must be NAME=VALUE.`);
    secrets[match[1] as string] = (match[2] as string).replace(/^(["'])(.*)\1$/, '$2');
  }
  return secrets;
}

/** Decides which data an environment draws and holds back. No family requires it, so that each runs without. */
const SEED_VARIABLE = 'PLUMBLINE_SEED_VALUE';

/** Of an installation's secrets its seed and what a family requires; none without a file. The same for attempts and for the command line. */
export function familySecrets(requiredVariables: readonly string[], secretsFile: string | null): Record<string, string> {
  return secretsFile === null ? {} : secretsNamed([SEED_VARIABLE, ...requiredVariables], readSecrets(secretsFile));
}

/** Whether an installation draws data of its own, and not those that every one without a seed draws. */
export function hasSeed(secretsFile: string | null): boolean {
  return (familySecrets([], secretsFile)[SEED_VARIABLE] ?? '') !== '';
}

/** Of some secrets those with these names. */
export function secretsNamed(names: readonly string[], secrets: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(secrets).filter(([name]) => names.includes(name)));
}
