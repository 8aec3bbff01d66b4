import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { AppError } from '@plumbline/core';
import { z } from 'zod';
import { type FamilyManifest, loadManifest, type ManifestOptions, type TaskDefinition } from './manifest.ts';
import { ManifestError, parseYamlFile } from './yamlFile.ts';

/** A task family's folder: what is in it, and the hash that says which family an attempt ran on. */

const BuildSteps = z.array(
  z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('shell'), commands: z.array(z.string()).min(1) }),
    z.strictObject({ type: z.literal('file'), source: z.string().min(1), destination: z.string().min(1) }),
  ]),
);
export type BuildStep = z.infer<typeof BuildSteps>[number];

/** What a scorer that is written for the standard's own container calls: it changes users, and so has to be root. */
const ROOT_SCORER = /\btask_protected_scoring\b|\brunuser\b|\bprotect_path\b/;
const REQUIRED_VARIABLES = /\brequired_environment_variables\b[^=\n]*=\s*[[(]([^\])]*)[\])]/;

export interface Family extends FamilyManifest {
  /** Absolute path of the folder. */
  dir: string;
  /** The Python module that holds `TaskFamily`, without `.py`. */
  module: string;
  /** Steps of `build_steps.json`; empty where the file is absent. */
  buildSteps: BuildStep[];
  contentHash: string;
  /** Whether its Python defines `get_aux_vm_spec`: it may ask for a machine that no sandbox has. */
  definesAuxVm: boolean;
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

function readBuildSteps(dir: string): BuildStep[] {
  const file = join(dir, 'build_steps.json');
  if (!existsSync(file)) return [];
  const shown = `${basename(dir)}/build_steps.json`;
  const text = readFileSync(file, 'utf8');
  const steps = parseYamlFile(text, shown, BuildSteps);
  try {
    JSON.parse(text);
  } catch (error) {
    throw new ManifestError([{ file: shown, line: 1, key: '', problem: `is not JSON: ${(error as Error).message}`, example: null }]);
  }
  const outside = steps.findIndex((step) => step.type === 'file' && !isInside(dir, step.source));
  if (outside >= 0) {
    const problem = 'must be a file or folder of the family';
    throw new ManifestError([{ file: shown, line: 1, key: `${outside}.source`, problem, example: null }]);
  }
  return steps;
}

function isInside(dir: string, path: string): boolean {
  const inside = relative(dir, resolve(dir, path));
  return !inside.startsWith('..') && !isAbsolute(inside) && existsSync(resolve(dir, path));
}

function pythonSource(dir: string): string {
  return [...walk(dir)]
    .filter((path) => path.endsWith('.py') && lstatSync(path).isFile())
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
}

/**
 * Reads a family's folder whole: manifest, module, build steps, hash; and, from the text of its Python, which secrets it names
 * and whether its scorer has to be root. Throws `AppError` `invalid_input` with what to mend.
 */
export function loadFamily(dir: string, options: ManifestOptions = {}): Family {
  const path = resolve(dir);
  if (!existsSync(path) || !lstatSync(path).isDirectory()) throw new AppError('not_found', `There is no folder ${dir}.`);
  const manifest = loadManifest(path, options);
  const module = findModule(path);
  const variables = REQUIRED_VARIABLES.exec(readFileSync(join(path, `${module}.py`), 'utf8'))?.[1] ?? '';
  const requiredVariables = [...variables.matchAll(/["']([A-Za-z_][A-Za-z0-9_]*)["']/g)].map((match) => match[1] as string);
  const source = pythonSource(path);
  const rootScorer = ROOT_SCORER.test(source);
  const definesAuxVm = /^\s+def get_aux_vm_spec\b/m.test(source);
  for (const task of Object.values(manifest.tasks)) {
    task.settings = { ...task.settings, requiredVariables, rootScorer: task.settings.rootScorer ?? rootScorer };
  }
  return { ...manifest, dir: path, module, buildSteps: readBuildSteps(path), contentHash: contentHash(path), definesAuxVm };
}

/**
 * A task of the family by its name.
 *
 * @throws AppError `not_found` that names the tasks it has.
 */
export function taskOf({ family, tasks }: Pick<Family, 'family' | 'tasks'>, name: string): TaskDefinition {
  const task = tasks[name];
  if (task === undefined) throw new AppError('not_found', `${family} has no task ${name}. It has: ${Object.keys(tasks).join(', ')}.`);
  return task;
}
