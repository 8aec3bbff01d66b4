import { AppError } from '@plumbline/core';
import { type Document, isAlias, isCollection, isMap, isPair, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { EXAMPLES } from './settings.ts';

/** Reads the files that people write for a family, and says everything that is wrong with one at once: file, line, key. JSON is read as the YAML that it is. */

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

/** The document's value. Its aliases are followed here, so that one that leads nowhere, or that unfolds into very much, is a problem of the file. */
function plainValue(document: Document.Parsed, shown: string): unknown {
  try {
    return document.toJS() ?? {};
  } catch (error) {
    const problem = `an alias cannot be followed: ${error instanceof Error ? error.message : error}`;
    throw new ManifestError([{ file: shown, line: 1, key: '', problem, example: null }]);
  }
}

/** Parses one YAML file by a schema; throws `ManifestError` with every problem found. `shown` is the file's name in messages. */
export function parseYamlFile<T>(text: string, shown: string, schema: z.ZodType<T>): T {
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
  const value = plainValue(document, shown);
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
