import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { AppError, type Clock, type Timer } from '@plumbline/core';
import {
  LANGUAGE_DEPTH_MAX,
  LANGUAGE_EDITS_MAX,
  LANGUAGE_ITEMS_MAX,
  LANGUAGE_LABEL_MAX_LENGTH,
  LANGUAGE_PROBLEMS_MAX,
  LANGUAGE_SOURCE_MAX_BYTES,
  LANGUAGE_SYMBOLS_MAX,
  LANGUAGE_USES_MAX,
  LANGUAGE_WORDS_MAX_LENGTH,
  type RequestArgs,
  type RequestResult,
} from '@plumbline/protocol';
import type { Sandbox, WorkspaceFiles } from '@plumbline/sandbox';
import { z } from 'zod';
import type { LanguageServer } from './languageServer.ts';
import type { PythonInterpreters } from './pythonInterpreters.ts';

/** What a browser asks of the language server: paths, places and answers of the two wires, each in the other's terms. */

// The server counts lines and characters from 0 (Language Server Protocol 3.17).
const Place = z.object({ line: z.int().min(0), character: z.int().min(0) });
const Range = z.object({ start: Place, end: Place });
const Text = z.union([z.string(), z.object({ value: z.string() }).transform(({ value }) => value)]);
const SEVERITIES = ['error', 'warning', 'information', 'hint'] as const;
const UNNECESSARY_TAG = 1;

const Report = z.object({
  items: z
    .array(
      z.object({
        range: Range,
        severity: z.int().min(1).max(4).default(1),
        message: z.string(),
        code: z.union([z.string(), z.number()]).optional(),
        tags: z.array(z.number()).optional(),
      }),
    )
    .default([]),
});
const Completion = z.object({
  label: z.string(),
  kind: z.int().min(1).max(25).default(1),
  insertText: z.string().optional(),
  textEdit: z.object({ newText: z.string() }).optional(),
  sortText: z.string().optional(),
});
const Completions = z.union([
  z.object({ isIncomplete: z.boolean(), items: z.array(Completion) }),
  z.array(Completion).transform((items) => ({ isIncomplete: false, items })),
  z.null().transform(() => ({ isIncomplete: false, items: [] })),
]);
const Hover = z.object({ contents: Text }).nullable();
const Location = z.object({ uri: z.string(), range: Range });
const Locations = z.union([z.array(Location), Location.transform((one) => [one]), z.null().transform(() => [])]);
const Changes = z
  .object({
    documentChanges: z.array(
      z.object({
        textDocument: z.object({ uri: z.string() }),
        edits: z.array(z.object({ range: Range, newText: z.string() })),
      }),
    ),
  })
  .nullable();
const DefinedName = z.object({ name: z.string(), kind: z.int().min(1).max(26), range: Range, selectionRange: Range });
type DefinedName = z.infer<typeof DefinedName> & { children?: DefinedName[] | undefined };
const DefinedNames = z.array(
  DefinedName.extend({
    get children(): z.ZodOptional<z.ZodArray<z.ZodType<DefinedName>>> {
      return DefinedNames.optional();
    },
  }),
);
const Signatures = z
  .object({
    signatures: z.array(
      z.object({
        label: z.string(),
        documentation: Text.optional(),
        parameters: z.array(z.object({ label: z.tuple([z.int().min(0), z.int().min(0)]) })).default([]),
      }),
    ),
    activeSignature: z.int().min(0).nullish(),
    activeParameter: z.int().min(0).nullish(),
  })
  .nullable();

/** Reads an answer, which comes out of the sandbox. */
function read<T>(schema: z.ZodType<T>, answer: unknown): T {
  const read = schema.safeParse(answer ?? null);
  if (!read.success) throw new AppError('unavailable', 'The help for Python gave an answer that cannot be read.', { cause: read.error });
  return read.data;
}

const label = (text: string) => text.slice(0, LANGUAGE_LABEL_MAX_LENGTH);
const words = (text: string) => text.slice(0, LANGUAGE_WORDS_MAX_LENGTH);
const position = ({ line, character }: z.infer<typeof Place>) => ({ line: line + 1, column: character + 1 });

/** Each name before what lies in it. */
function inRow(names: readonly DefinedName[], depth = 0): RequestResult<'language.symbols'>['symbols'] {
  if (depth > LANGUAGE_DEPTH_MAX) return [];
  return names.flatMap(({ name, kind, range, selectionRange, children }) => [
    {
      label: label(name),
      kind,
      depth,
      from: position(range.start),
      to: position(range.end),
      name: { from: position(selectionRange.start), to: position(selectionRange.end) },
    },
    ...inRow(children ?? [], depth + 1),
  ]);
}

/** Files of libraries that definitions have led to lately; no others are read. */
const NAMED_MAX = 2_000;
const READ_TIMEOUT_MS = 10_000;
const OF_ENVIRONMENT = /(^|\/)(\.?venv|pyvenv\.cfg)$|\/site-packages\//;
/** An environment is made, and filled, in many steps: it is looked at when nothing has changed in it for so long. */
const SETTLED_AFTER_MS = 1_500;

export interface LanguageActsOptions {
  readonly server: LanguageServer;
  readonly interpreters: PythonInterpreters;
  readonly sandbox: Pick<Sandbox, 'run' | 'paths'>;
  readonly files: Pick<WorkspaceFiles, 'onChange' | 'read'>;
  readonly clock: Clock;
}

export class LanguageActs {
  readonly #server: LanguageServer;
  readonly #interpreters: PythonInterpreters;
  readonly #sandbox: Pick<Sandbox, 'run' | 'paths'>;
  readonly #files: Pick<WorkspaceFiles, 'read'>;
  readonly #clock: Clock;
  /** The workspace as the server sees it. */
  readonly #home: string;
  /** Paths of libraries' files, the one that was named longest ago first. */
  readonly #named = new Set<string>();
  #settling: Timer | null = null;

  constructor({ server, interpreters, sandbox, files, clock }: LanguageActsOptions) {
    this.#server = server;
    this.#interpreters = interpreters;
    this.#sandbox = sandbox;
    this.#files = files;
    this.#clock = clock;
    this.#home = sandbox.paths.home;
    const changed = (path: string, op: 'created' | 'changed' | 'deleted') => {
      if (path.endsWith('.py')) server.filesChanged(this.#uri(path), op);
      if (OF_ENVIRONMENT.test(path)) this.#settleSoon();
    };
    files.onChange(({ path, op, to }) => {
      changed(path, op === 'renamed' ? 'deleted' : op);
      if (to !== undefined) changed(to, 'created');
    });
  }

  sync({ path, text }: RequestArgs<'language.sync'>): RequestResult<'language.sync'> {
    this.#server.sync(this.#uri(path), text);
    return {};
  }

  close({ path }: RequestArgs<'language.close'>): RequestResult<'language.close'> {
    this.#server.close(this.#uri(path));
    return {};
  }

  async diagnose({ path }: RequestArgs<'language.diagnose'>): Promise<RequestResult<'language.diagnose'>> {
    const answer = await this.#server.ask('textDocument/diagnostic', this.#uri(path));
    const { items } = read(Report, answer);
    return {
      problems: items.slice(0, LANGUAGE_PROBLEMS_MAX).map(({ range, severity, message, code, tags }) => ({
        from: position(range.start),
        to: position(range.end),
        severity: SEVERITIES[severity - 1] ?? 'error',
        message: words(message),
        rule: code === undefined ? null : label(String(code)),
        unused: tags?.includes(UNNECESSARY_TAG) ?? false,
      })),
    };
  }

  async complete(at: RequestArgs<'language.complete'>): Promise<RequestResult<'language.complete'>> {
    const { items, isIncomplete } = read(Completions, await this.#ask('completion', at));
    return {
      items: items.slice(0, LANGUAGE_ITEMS_MAX).map(({ label: name, kind, insertText, textEdit, sortText }) => ({
        label: label(name),
        kind,
        insert: label(textEdit?.newText ?? insertText ?? name),
        sort: label(sortText ?? name),
      })),
      incomplete: isIncomplete || items.length > LANGUAGE_ITEMS_MAX,
    };
  }

  async hover(at: RequestArgs<'language.hover'>): Promise<RequestResult<'language.hover'>> {
    const contents = read(Hover, await this.#ask('hover', at))?.contents ?? '';
    return { text: contents === '' ? null : words(contents) };
  }

  async define(at: RequestArgs<'language.define'>): Promise<RequestResult<'language.define'>> {
    const locations = read(Locations, await this.#ask('definition', at));
    return { places: locations.slice(0, LANGUAGE_ITEMS_MAX).flatMap((location) => this.#place(location) ?? []) };
  }

  async uses(at: RequestArgs<'language.uses'>): Promise<RequestResult<'language.uses'>> {
    const found = read(Locations, await this.#ask('references', at, { context: { includeDeclaration: true } }));
    const lines = new Map<string, string[]>();
    const uses: RequestResult<'language.uses'>['uses'] = [];
    for (const location of found.slice(0, LANGUAGE_USES_MAX)) {
      const place = this.#place(location);
      if (place === null) continue;
      const { start, end } = location.range;
      if (!lines.has(place.path)) lines.set(place.path, await this.#linesOf(place));
      const text = label((lines.get(place.path)?.[start.line] ?? '').trim());
      uses.push({ ...place, length: start.line === end.line ? Math.max(0, end.character - start.character) : 0, text });
    }
    return { uses, truncated: found.length > LANGUAGE_USES_MAX };
  }

  async rename({ name, ...at }: RequestArgs<'language.rename'>): Promise<RequestResult<'language.rename'>> {
    const changes = read(Changes, await this.#ask('rename', at, { newName: name }))?.documentChanges ?? [];
    const files = changes.flatMap(({ textDocument: { uri }, edits }) => {
      const named = this.#pathOf(uri);
      if (named === null || named.library) return [];
      const changed = edits.map(({ range, newText }) => ({ from: position(range.start), to: position(range.end), text: label(newText) }));
      return { path: named.path, edits: changed };
    });
    const count = files.reduce((sum, { edits }) => sum + edits.length, 0);
    // The server changes no file that is not on disk, though it is the one that was asked about.
    const isWhole = files.length === changes.length && count <= LANGUAGE_EDITS_MAX && files.some(({ path }) => path === at.path);
    return { files: isWhole ? files : [] };
  }

  async source({ path }: RequestArgs<'language.source'>): Promise<RequestResult<'language.source'>> {
    if (!this.#named.has(path))
      throw new AppError('not_found', 'This file of a library is not open any more. Go to it again from where it is used.');
    const read = await this.#sandbox.run('participant', ['/usr/bin/head', '-c', String(LANGUAGE_SOURCE_MAX_BYTES + 1), '--', path], {
      timeoutMs: READ_TIMEOUT_MS,
      maxOutputBytes: LANGUAGE_SOURCE_MAX_BYTES + 1,
    });
    if (read.exitCode !== 0) throw new AppError('not_found', 'This file of a library is not there any more, or cannot be read.');
    const bytes = read.stdout.subarray(0, LANGUAGE_SOURCE_MAX_BYTES);
    return {
      text: bytes.toString(),
      hash: createHash('sha256').update(bytes).digest('hex'),
      size: bytes.length,
      partial: read.stdout.length > bytes.length,
    };
  }

  interpreters(): Promise<RequestResult<'language.interpreters'>> {
    return this.#interpreters.list();
  }

  async useInterpreter({ path }: RequestArgs<'language.useInterpreter'>): Promise<RequestResult<'language.useInterpreter'>> {
    await this.#interpreters.choose(path);
    this.#server.settingsChanged();
    return {};
  }

  async signature(at: RequestArgs<'language.signature'>): Promise<RequestResult<'language.signature'>> {
    const help = read(Signatures, await this.#ask('signatureHelp', at));
    return {
      signatures: (help?.signatures ?? []).slice(0, LANGUAGE_ITEMS_MAX).map(({ label: name, documentation, parameters }) => ({
        label: words(name),
        explanation: words(documentation ?? ''),
        parameters: parameters.slice(0, 100).map((parameter) => parameter.label),
      })),
      signature: help?.activeSignature ?? 0,
      parameter: help?.activeParameter ?? 0,
    };
  }

  async symbols({ path }: RequestArgs<'language.symbols'>): Promise<RequestResult<'language.symbols'>> {
    const names = read(DefinedNames.nullable(), await this.#server.ask('textDocument/documentSymbol', this.#uri(path)));
    return { symbols: inRow(names ?? []).slice(0, LANGUAGE_SYMBOLS_MAX) };
  }

  #ask(question: string, { path, line, column }: { path: string; line: number; column: number }, more: object = {}): Promise<unknown> {
    return this.#server.ask(`textDocument/${question}`, this.#uri(path), {
      position: { line: line - 1, character: column - 1 },
      ...more,
    });
  }

  /** As the editor has them, or else the disk; none where they cannot be read, or are a library's. */
  async #linesOf({ path, library }: { path: string; library: boolean }): Promise<string[]> {
    if (library) return [];
    const open = this.#server.textOf(this.#uri(path));
    const text = open ?? (await this.#files.read(path, { maxBytes: LANGUAGE_SOURCE_MAX_BYTES }).catch(() => null))?.text;
    return text?.split(/\r\n|\r|\n/) ?? [];
  }

  /** An environment appeared, went, or has other packages. */
  #settleSoon(): void {
    this.#settling?.cancel();
    this.#settling = this.#clock.setTimer(SETTLED_AFTER_MS, () => this.#server.settingsChanged());
  }

  /** A name for the server; nothing is opened by it here. */
  #uri(path: string): string {
    if (this.#named.has(path)) return pathToFileURL(path).href;
    const full = posix.join(this.#home, path);
    if (!full.startsWith(`${this.#home}/`)) throw new AppError('invalid_input', 'The path leads out of the workspace.');
    return pathToFileURL(full).href;
  }

  #place({ uri, range }: z.infer<typeof Location>): RequestResult<'language.define'>['places'][number] | null {
    const named = this.#pathOf(uri);
    if (named?.library) this.#name(named.path);
    return named && { ...named, ...position(range.start) };
  }

  /** The path that is meant, in the workspace or of a library; null where it is none. */
  #pathOf(uri: string): { path: string; library: boolean } | null {
    let full: string;
    try {
      full = posix.normalize(fileURLToPath(uri));
    } catch {
      return null;
    }
    const library = !full.startsWith(`${this.#home}/`);
    const path = library ? full : full.slice(this.#home.length + 1);
    return path.length > 4_096 || path.includes('\0') ? null : { path, library };
  }

  #name(path: string): void {
    this.#named.delete(path);
    this.#named.add(path);
    const [oldest] = this.#named;
    if (this.#named.size > NAMED_MAX && oldest !== undefined) this.#named.delete(oldest);
  }
}
