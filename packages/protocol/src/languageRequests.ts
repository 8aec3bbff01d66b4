import { z } from 'zod';

/**
 * What a browser asks of the language server in the sandbox, which answers for the text that was last sent of a path.
 * Lines and columns count from 1, columns in UTF-16 units, as everywhere on this wire. Answers come out of a sandbox: they
 * are cut at these limits by the runner, refused beyond them by the gateway, and shown as text.
 */

/** A longer text gets no help: it is sent whole at each pause in typing. */
export const LANGUAGE_TEXT_MAX_LENGTH = 512 * 1024;
/** Of a list of completions, definitions or signatures. */
export const LANGUAGE_ITEMS_MAX = 300;
export const LANGUAGE_PROBLEMS_MAX = 500;
export const LANGUAGE_SYMBOLS_MAX = 2_000;
/** How deep a name may lie in others. */
export const LANGUAGE_DEPTH_MAX = 20;
/** Of one explanation. */
export const LANGUAGE_WORDS_MAX_LENGTH = 8_000;
export const LANGUAGE_LABEL_MAX_LENGTH = 300;
/** Of a library's file: a longer one is shown in its first part. */
export const LANGUAGE_SOURCE_MAX_BYTES = 1024 * 1024;
export const LANGUAGE_INTERPRETERS_MAX = 30;
/** Places where a name is used: of more the first are told. */
export const LANGUAGE_USES_MAX = 500;
/** Of a name that is changed: one that stands at more places is changed at none. */
export const LANGUAGE_EDITS_MAX = 5_000;

const path = z
  .string()
  .min(1)
  .max(4096)
  .refine((p) => !p.includes('\0'), 'a path may not contain NUL');
const empty = z.object({}).strict();
const label = z.string().max(LANGUAGE_LABEL_MAX_LENGTH);
const words = z.string().max(LANGUAGE_WORDS_MAX_LENGTH);
const Position = z.object({ line: z.int().min(1), column: z.int().min(1) });
const At = Position.extend({ path });

export const LANGUAGE_REQUESTS = {
  /** The text of a path as the editor has it now, saved or not. */
  'language.sync': { args: z.object({ path, text: z.string().max(LANGUAGE_TEXT_MAX_LENGTH) }), result: empty },
  /** The editor has closed a path: what is on disk counts again. */
  'language.close': { args: z.object({ path }), result: empty },
  'language.diagnose': {
    args: z.object({ path }),
    result: z.object({
      problems: z
        .array(
          z.object({
            from: Position,
            to: Position,
            severity: z.enum(['error', 'warning', 'information', 'hint']),
            message: words,
            rule: label.nullable(),
            unused: z.boolean(),
          }),
        )
        .max(LANGUAGE_PROBLEMS_MAX),
    }),
  },
  'language.complete': {
    args: At,
    result: z.object({
      /** `kind` is the protocol's own number (Language Server Protocol 3.17, CompletionItemKind). */
      items: z.array(z.object({ label, kind: z.int().min(1).max(25), insert: label, sort: label })).max(LANGUAGE_ITEMS_MAX),
      incomplete: z.boolean(),
    }),
  },
  /** Null where there is nothing to say. */
  'language.hover': { args: At, result: z.object({ text: words.nullable() }) },
  /** `library`: the file is not of the workspace; its path is then one of the sandbox's file system. */
  'language.define': {
    args: At,
    result: z.object({ places: z.array(At.extend({ library: z.boolean() })).max(LANGUAGE_ITEMS_MAX) }),
  },
  /** Where the name is used, and defined. `text` is the line of it, cut, and empty where it was not read; `length` is that of the name. */
  'language.uses': {
    args: At,
    result: z.object({
      uses: z.array(At.extend({ library: z.boolean(), length: z.int().min(0), text: label })).max(LANGUAGE_USES_MAX),
      truncated: z.boolean(),
    }),
  },
  /** What is to be changed in files of the workspace so that the name is another one everywhere; nothing where it cannot be changed. */
  'language.rename': {
    args: At.extend({ name: label.min(1) }),
    result: z.object({
      files: z.array(z.object({ path, edits: z.array(z.object({ from: Position, to: Position, text: label })) })).max(LANGUAGE_EDITS_MAX),
    }),
  },
  /**
   * A library's file that a definition has named; `not_found` for any other. Once it was read, questions may be asked about its path too:
   * `language.sync` tells its text as that of a file of the workspace.
   */
  'language.source': {
    args: z.object({ path }),
    result: z.object({ text: z.string().max(LANGUAGE_SOURCE_MAX_BYTES), hash: z.string(), size: z.number(), partial: z.boolean() }),
  },
  /**
   * The Pythons that the sandbox has, and the one whose packages the help knows: of the workspace's `.venv` or `venv` where there is
   * one, unless the person has chosen.
   */
  'language.interpreters': {
    args: empty,
    result: z.object({
      interpreters: z.array(z.object({ path, version: label })).max(LANGUAGE_INTERPRETERS_MAX),
      used: path,
      chosen: z.boolean(),
    }),
  },
  /** Null: the one that is found by itself. */
  'language.useInterpreter': { args: z.object({ path: path.nullable() }), result: empty },
  /** What a text defines, in its order. */
  'language.symbols': {
    args: z.object({ path }),
    result: z.object({
      symbols: z
        .array(
          z.object({
            label,
            /** The protocol's own number (Language Server Protocol 3.17, SymbolKind). */
            kind: z.int().min(1).max(26),
            /** One that is deeper than the one before it lies inside of that. */
            depth: z.int().min(0).max(LANGUAGE_DEPTH_MAX),
            from: Position,
            to: Position,
            name: z.object({ from: Position, to: Position }),
          }),
        )
        .max(LANGUAGE_SYMBOLS_MAX),
    }),
  },
  'language.signature': {
    args: At,
    result: z.object({
      signatures: z
        .array(z.object({ label: words, explanation: words, parameters: z.array(z.tuple([z.int().min(0), z.int().min(0)])).max(100) }))
        .max(LANGUAGE_ITEMS_MAX),
      signature: z.int().min(0),
      parameter: z.int().min(0),
    }),
  },
} as const;
