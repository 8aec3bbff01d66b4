import { createHash, randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import { RunnerConfig } from '@plumbline/protocol';
import { replaceFileSync } from '@plumbline/storage';

/**
 * How a runner learns what it is for: one JSON document on standard input, kept in a file that only the runner's user
 * reads, so that the same runner can be started again by hand with the state folder alone. The token stands in neither
 * environment nor arguments.
 */

const CONFIG_FILE = 'config.json';
const INCARNATION_FILE = 'incarnation';
const RESTORED_FILE = 'restored';
/** Files of a state folder that are not the attempt's. */
const OF_THE_PLACEMENT = new Set([CONFIG_FILE, 'runner.json', 'runner.lock', 'placement.lock', 'runner.log']);

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
  if (existsSync(path)) return readFileSync(path, 'utf8');
  const name = randomUUID();
  writePrivate(path, name);
  return name;
}

/**
 * A workspace that is brought back is laid on an empty folder: what an earlier life left here, before the attempt went on elsewhere,
 * is removed, once for each time that a runner is started so. To be called by the one runner that holds the folder.
 */
export function emptyForRestore({ stateDir, restore, token }: RunnerConfig): void {
  if (restore === null) return;
  const state = createHash('sha256').update(token).digest('hex');
  const path = join(stateDir, RESTORED_FILE);
  if (existsSync(path) && readFileSync(path, 'utf8') === state) return;
  for (const name of readdirSync(stateDir)) {
    if (!OF_THE_PLACEMENT.has(name)) rmSync(join(stateDir, name), { recursive: true, force: true });
  }
  writePrivate(path, state);
}

/** Whole or not at all, after a power cut too: under a new name the journal's entries would pass for another source's. */
function writePrivate(path: string, text: string): void {
  replaceFileSync(path, text, 0o600);
}

async function readAll(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
