import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import { RunnerConfig } from '@plumbline/protocol';

/**
 * How a runner learns what it is for: one JSON document on standard input, kept in a file that only the runner's user
 * reads, so that the same runner can be started again by hand with the state folder alone. The token stands in neither
 * environment nor arguments.
 */

const CONFIG_FILE = 'config.json';
const INCARNATION_FILE = 'incarnation';

/** The config from standard input, or of an earlier start where only a state folder is given. Throws `invalid_input`. */
export async function readConfig(stateDir: string | undefined): Promise<RunnerConfig> {
  const text = stateDir === undefined ? await readAll() : readFileSync(join(stateDir, CONFIG_FILE), 'utf8');
  let config: RunnerConfig;
  try {
    config = RunnerConfig.parse(JSON.parse(text));
  } catch (error) {
    // The document holds a token, so nothing of it is repeated.
    throw new AppError('invalid_input', 'Standard input must be one JSON document with a runner’s config.', {
      cause: error instanceof SyntaxError ? undefined : error,
    });
  }
  // The sandbox's user walks through to what is mounted from here; it can list nothing, and what is private says so itself.
  mkdirSync(config.stateDir, { recursive: true, mode: 0o711 });
  chmodSync(config.stateDir, 0o711);
  writePrivate(join(config.stateDir, CONFIG_FILE), JSON.stringify(config));
  return config;
}

/** The name of this state folder as a source of events: it stays the same, and so does the numbering of its journal. */
export function incarnationOf(stateDir: string): string {
  const path = join(stateDir, INCARNATION_FILE);
  try {
    return readFileSync(path, 'utf8');
  } catch {
    const name = randomUUID();
    writePrivate(path, name);
    return name;
  }
}

function writePrivate(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

async function readAll(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
