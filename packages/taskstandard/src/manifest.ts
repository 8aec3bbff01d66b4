import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { AppError } from '@plumbline/core';
import { type Document, isAlias, isCollection, isMap, isPair, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import {
  type EnvironmentSettings,
  EXAMPLES,
  PlumblineBlock,
  type Resources,
  Resources as ResourcesSchema,
  resolveSettings,
  type Scoring,
  Scoring as ScoringSchema,
} from './settings.ts';

/** Reads `manifest.yaml`: METR's schema, strictly, with the `meta.plumbline` block of this platform. */

const Meta = z.looseObject({ plumbline: PlumblineBlock.optional() });
const Version = z.union([z.string().min(1), z.number().transform(String)]);

const TaskManifest = z.strictObject({
  version: Version.optional(),
  resources: ResourcesSchema.default({}),
  scoring: ScoringSchema.prefault({}),
  meta: Meta.default({}),
});

const Manifest = z.strictObject({
  version: Version.optional(),
  meta: Meta.default({}),
  tasks: z.record(z.string().regex(/^[A-Za-z0-9_.-]+$/, 'task names are letters, digits, "_", "-" and "."'), TaskManifest),
});

/** Settings for a family that stays as its authors wrote it: only the `meta` blocks of a manifest. */
const Overlay = z.strictObject({
  meta: Meta.default({}),
  tasks: z.record(z.string(), z.strictObject({ meta: Meta.default({}) })).default({}),
});

/** One thing wrong in a manifest. `line` counts from 1; `key` is the path of keys, dotted. */
export interface ManifestProblem {
  file: string;
  line: number;
  key: string;
  problem: string;
  example: string | null;
}

/** What is wrong with a manifest, all of it at once, each with file, line, key and an example of a correct line. */
export class ManifestError extends AppError {
  readonly problems: readonly ManifestProblem[];

  constructor(problems: readonly ManifestProblem[]) {
    super('invalid_input', problems.map(problemText).join('\n'));
    this.name = 'ManifestError';
    this.problems = problems;
  }
}

function problemText(problem: ManifestProblem): string {
  const example = problem.example === null ? '' : ` For example: ${problem.example}`;
  return `${problem.file}:${problem.line}: ${problem.key === '' ? '' : `${problem.key}: `}${problem.problem}.${example}`;
}

export interface TaskDefinition {
  name: string;
  /** The task's own version, else the family's. */
  version: string;
  resources: Resources;
  scoring: Scoring;
  settings: EnvironmentSettings;
}

export interface FamilyManifest {
  family: string;
  version: string;
  tasks: Record<string, TaskDefinition>;
}

/** The line, counted from 1, on which the key path stands, or the nearest part of it that exists. */
function lineOf(document: Document.Parsed, lines: LineCounter, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0] ?? 0;
  for (const key of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (!isCollection(node)) break;
    if (isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && String(item.key) === String(key));
      if (pair === undefined) break;
      offset = (pair.key as { range?: [number, number, number] }).range?.[0] ?? offset;
      node = pair.value;
    } else {
      node = node.items[Number(key)];
      offset = (node as { range?: [number, number, number] } | undefined)?.range?.[0] ?? offset;
    }
  }
  return lines.linePos(offset).line;
}

function exampleFor(path: readonly PropertyKey[]): string | null {
  for (let i = path.length - 1; i >= 0; i--) {
    const example = EXAMPLES[String(path[i])];
    if (example !== undefined) return example;
  }
  return null;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (at, key) => (at !== null && typeof at === 'object' ? (at as Record<PropertyKey, unknown>)[key] : undefined),
    value,
  );
}

/** Parses one YAML file by a schema; throws `ManifestError` with every problem found. `shown` is the file's name in messages. */
function parseYamlFile<T>(text: string, shown: string, schema: z.ZodType<T>): T {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  if (document.errors.length > 0) {
    throw new ManifestError(
      document.errors.map((error) => ({
        file: shown,
        line: lines.linePos(error.pos[0]).line,
        key: '',
        problem: error.message.replace(/\.$/, ''),
        example: null,
      })),
    );
  }
  const value: unknown = document.toJS() ?? {};
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.flatMap((issue) => {
    const keys = issue.code === 'unrecognized_keys' ? issue.keys : [null];
    return keys.map((unknown): ManifestProblem => {
      const path = unknown === null ? issue.path : [...issue.path, unknown];
      const missing = unknown === null && issue.code === 'invalid_type' && valueAt(value, issue.path) === undefined;
      return {
        file: shown,
        line: lineOf(document, lines, path),
        key: path.map(String).join('.'),
        problem:
          unknown !== null ? 'this key is not known; check its spelling and its place' : missing ? 'this key is missing' : issue.message,
        example: unknown === null ? exampleFor(path) : null,
      };
    });
  });
  throw new ManifestError(problems);
}

function readText(path: string, shown: string): string {
  if (!existsSync(path)) {
    throw new ManifestError([
      { file: shown, line: 1, key: '', problem: 'this file does not exist; a task family needs one', example: EXAMPLES.tasks ?? null },
    ]);
  }
  return readFileSync(path, 'utf8');
}

export interface ManifestOptions {
  /** A YAML file with `meta` blocks laid over the family's own; see docs/adding-an-environment.md. */
  overlayFile?: string;
}

/**
 * Reads and checks `manifest.yaml` of a family's folder, with an overlay's `meta.plumbline` over it. `family` is the
 * folder's name. Throws `ManifestError` (`invalid_input`) that lists every problem.
 */
export function loadManifest(dir: string, options: ManifestOptions = {}): FamilyManifest {
  const family = basename(dir);
  const shown = `${family}/manifest.yaml`;
  const manifest = parseYamlFile(readText(join(dir, 'manifest.yaml'), shown), shown, Manifest);
  const overlay =
    options.overlayFile === undefined
      ? Overlay.parse({})
      : parseYamlFile(readText(options.overlayFile, basename(options.overlayFile)), basename(options.overlayFile), Overlay);
  if (Object.keys(manifest.tasks).length === 0) {
    throw new ManifestError([
      { file: shown, line: 1, key: 'tasks', problem: 'a family needs at least one task', example: EXAMPLES.tasks ?? null },
    ]);
  }
  const tasks: Record<string, TaskDefinition> = {};
  for (const [name, task] of Object.entries(manifest.tasks)) {
    const block: PlumblineBlock = {
      ...manifest.meta.plumbline,
      ...task.meta.plumbline,
      ...overlay.meta.plumbline,
      ...overlay.tasks[name]?.meta.plumbline,
    };
    tasks[name] = {
      name,
      version: task.version ?? manifest.version ?? '0',
      resources: task.resources,
      scoring: task.scoring,
      settings: resolveSettings(block, { fallbackTitle: `${family}/${name}`, resources: task.resources, scoring: task.scoring }),
    };
  }
  return { family, version: manifest.version ?? '0', tasks };
}
