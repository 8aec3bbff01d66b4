import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, dotfilePathProblem } from '@plumbline/core';
import type { AttemptSetup } from '@plumbline/protocol';
import type { WorkspaceFiles } from '@plumbline/sandbox';
import { replaceFile } from '@plumbline/storage';
import { z } from 'zod';
import type { EventLog } from './eventLog.ts';

/**
 * Lays the participant's dotfiles in the home folder of their sandbox, before the clock runs. Clean re-scores get none: they are
 * the participant's comfort and no part of the task.
 */

const LAID_FILE = 'setup.json';
/** What lies in the sandbox by this program's hand: the setup's hash, and each file's. */
const Laid = z.object({ hash: z.string(), files: z.record(z.string(), z.string()) });
type Laid = z.infer<typeof Laid>;

const ENVIRONMENTS_OWN = 'the environment has a file of this name, which stays';

export interface SetupOptions {
  readonly files: WorkspaceFiles;
  readonly stateDir: string;
  readonly log: EventLog;
}

/**
 * Gives a sandbox this setup in the place of the one that it has, and records it; one that it has already changes nothing. A file
 * that the environment has itself is never replaced.
 */
export async function applySetup({ files, stateDir, log }: SetupOptions, setup: AttemptSetup): Promise<void> {
  const path = join(stateDir, LAID_FILE);
  const before = await readLaid(path);
  if (before?.hash === setup.hash) return;
  const laid: Laid = { hash: setup.hash, files: {} };
  const omitted: { path: string; reason: string }[] = [];
  const wanted = new Set(setup.files.map((file) => file.path));
  for (const [old, hash] of Object.entries(before?.files ?? {})) if (!wanted.has(old)) await removeOwn(files, old, hash);
  for (const file of setup.files) {
    try {
      laid.files[file.path] = await lay(files, file, before?.files[file.path]);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      omitted.push({ path: file.path, reason: error.code === 'conflict' ? ENVIRONMENTS_OWN : error.message });
    }
  }
  log.event('setup.applied', 0, {
    hash: setup.hash,
    keymap: setup.keymap,
    files: setup.files
      .filter((file) => laid.files[file.path] !== undefined)
      .map(({ path: name, text }) => ({ path: name, size: Buffer.byteLength(text), hash: hashOf(text), text })),
    omitted,
  });
  // Last: a runner that dies before this lays the same once more.
  await replaceFile(path, JSON.stringify(laid), 0o600);
}

async function lay(files: WorkspaceFiles, { path, text }: { path: string; text: string }, own: string | undefined): Promise<string> {
  const problem = dotfilePathProblem(path);
  if (problem !== null) throw new AppError('invalid_input', `its path ${problem}`);
  const bytes = Buffer.from(text);
  const hash = hashOf(text);
  const there = await files.read(path, { maxBytes: bytes.length + 1 }).then(
    (found) => found.hash,
    (error: unknown) => {
      if (error instanceof AppError && error.code === 'not_found') return null;
      throw error;
    },
  );
  // Nobody else has written what is this to the letter, or it is no matter.
  if (there === hash) return hash;
  const isOwn = there !== null && there === own;
  // Makes the folders above it, follows no link, and puts the file in its place whole.
  const upload = randomBytes(16).toString('hex');
  await files.upload({ path, upload, offset: 0, bytes, total: bytes.length, replace: isOwn });
  return hash;
}

async function removeOwn(files: WorkspaceFiles, path: string, hash: string): Promise<void> {
  const there = await files.read(path).catch(() => null);
  if (there?.hash === hash) await files.delete(path);
}

async function readLaid(path: string): Promise<Laid | null> {
  const text = await readFile(path, 'utf8').catch(() => null);
  return text === null ? null : Laid.parse(JSON.parse(text));
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
