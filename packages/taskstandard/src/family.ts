import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join, relative, resolve, sep } from 'node:path';
import { AppError } from '@plumbline/core';
import { z } from 'zod';
import { type FamilyManifest, loadManifest, type ManifestOptions } from './manifest.ts';

/** A task family's folder: what is in it, and the hash that says which family an attempt ran on. */

const BuildSteps = z.array(
  z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('shell'), commands: z.array(z.string()).min(1) }),
    z.strictObject({ type: z.literal('file'), source: z.string(), destination: z.string() }),
  ]),
);
export type BuildStep = z.infer<typeof BuildSteps>[number];

export interface Family extends FamilyManifest {
  /** Absolute path of the folder. */
  dir: string;
  /** The Python module that holds `TaskFamily`, without `.py`. */
  module: string;
  /** Steps of `build_steps.json`; empty where the file is absent. */
  buildSteps: BuildStep[];
  contentHash: string;
}

/** Left out of the hash: what Python and editors leave behind, which no attempt reads. */
const IGNORED_NAMES: ReadonlySet<string> = new Set(['__pycache__', '.git', '.DS_Store', '.pytest_cache']);

function* walk(dir: string): Generator<string> {
  for (const name of readdirSync(dir)) {
    if (IGNORED_NAMES.has(name)) continue;
    const path = join(dir, name);
    if (lstatSync(path).isDirectory()) yield* walk(path);
    else yield path;
  }
}

/**
 * SHA-256, in hexadecimal, over every file of the folder by sorted relative path: path, whether it is executable, and
 * its bytes; for a link, where it points. Other mode bits depend on the umask of whoever copied the folder.
 */
export function contentHash(dir: string): string {
  const files = [...walk(dir)].map((path) => ({ path, name: relative(dir, path).split(sep).join('/') }));
  files.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const hash = createHash('sha256');
  for (const file of files) {
    const stat = lstatSync(file.path);
    const kind = stat.isSymbolicLink() ? 'link' : (stat.mode & 0o111) !== 0 ? 'executable' : 'file';
    const bytes = stat.isSymbolicLink() ? Buffer.from(readlinkSync(file.path)) : readFileSync(file.path);
    hash.update(`${JSON.stringify([file.name, kind, bytes.length])}\n`);
    hash.update(bytes);
  }
  return hash.digest('hex');
}

/** `<folder>.py`, else the one Python file at the top that defines `TaskFamily`. */
function findModule(dir: string): string {
  if (existsSync(join(dir, `${basename(dir)}.py`))) return basename(dir);
  const found = readdirSync(dir).filter(
    (name) => name.endsWith('.py') && /^class TaskFamily\b/m.test(readFileSync(join(dir, name), 'utf8')),
  );
  const only = found[0];
  if (only !== undefined && found.length === 1) return only.slice(0, -'.py'.length);
  throw new AppError(
    'invalid_input',
    found.length === 0
      ? `${basename(dir)}: no file defines "class TaskFamily". Add ${basename(dir)}.py with that class.`
      : `${basename(dir)}: several files define TaskFamily (${found.join(', ')}). Name one of them ${basename(dir)}.py.`,
  );
}

/** Reads a family's folder whole: manifest, module, build steps, hash. Throws `AppError` `invalid_input` with what to mend. */
export function loadFamily(dir: string, options: ManifestOptions = {}): Family {
  const path = resolve(dir);
  if (!existsSync(path) || !lstatSync(path).isDirectory()) throw new AppError('not_found', `There is no folder ${dir}.`);
  const manifest = loadManifest(path, options);
  const stepsFile = join(path, 'build_steps.json');
  let buildSteps: BuildStep[] = [];
  if (existsSync(stepsFile)) {
    try {
      buildSteps = BuildSteps.parse(JSON.parse(readFileSync(stepsFile, 'utf8')));
    } catch (error) {
      throw new AppError(
        'invalid_input',
        `${basename(path)}/build_steps.json: not a list of build steps. For example: [{"type": "shell", "commands": ["apt-get install -y gcc"]}]`,
        { cause: error },
      );
    }
  }
  return { ...manifest, dir: path, module: findModule(path), buildSteps, contentHash: contentHash(path) };
}
