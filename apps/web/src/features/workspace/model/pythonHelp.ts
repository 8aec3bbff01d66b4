import { AppError } from '@plumbline/core';
import { LANGUAGE_TEXT_MAX_LENGTH, type RequestResult } from '@plumbline/protocol';
import type { IDisposable, IRange, languages, Position } from 'monaco-editor/editor/editor.api.js';
import type { Ask } from './ask.ts';
import type { BrowserTime } from './browserTime.ts';
import type { MonacoApi, TextModel } from './monaco.ts';
import { isMissing, isOfLibrary } from './openFile.ts';
import type { OpenFiles } from './openFiles.ts';
import { PROBLEM_SOURCE, type Problem, ProblemList } from './problemList.ts';
import { endsInComment } from './pythonComment.ts';
import { isPythonName, withName } from './pythonNames.ts';

/**
 * What the language server in the sandbox knows of the open Python files, for the editor: problems, completions,
 * explanations, signatures, definitions, names and their uses. Whatever it says is shown as text: it comes out of the sandbox.
 */

export interface PythonHelpOptions {
  readonly monaco: MonacoApi;
  readonly files: OpenFiles;
  readonly ask: Ask;
  readonly time: BrowserTime;
  /** Says something to the person once. */
  readonly say: (text: string) => void;
}

const LANGUAGE = 'python';
/** Problems are looked for when nothing was typed for so long. */
const DIAGNOSE_AFTER_MS = 400;
/** Another Python, or one with other packages, takes the server so long to read. */
const ENVIRONMENT_READ_AFTER_MS = 4_000;
const OF_ENVIRONMENT = /(^|\/)(\.?venv|pyvenv\.cfg)$|\/site-packages\//;
/** The server may be starting, or starting again. */
const RETRY_AFTER_MS = 3_000;
/** Schemes of places that no open model shows. */
const IN_WORKSPACE = 'workspace';
const IN_LIBRARY = 'library';

/** CompletionItemKind of the protocol, 1 to 25, in the editor's words. */
const KINDS = [
  ...(['Text', 'Method', 'Function', 'Constructor', 'Field', 'Variable', 'Class', 'Interface', 'Module', 'Property', 'Unit'] as const),
  ...(['Value', 'Enum', 'Keyword', 'Snippet', 'Color', 'File', 'Reference', 'Folder', 'EnumMember', 'Constant', 'Struct'] as const),
  ...(['Event', 'Operator', 'TypeParameter'] as const),
];

/** Text as a block that no character of it can end. */
export function asBlock(text: string, language: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}

export type Interpreters = RequestResult<'language.interpreters'>;

/** A Python as it is called on a button: by its version, and by the environment that it is of. */
export function nameOfPython({ path, version }: Interpreters['interpreters'][number]): string {
  const environment = /([^/]+)\/bin\/python$/.exec(path)?.[1];
  return `Python ${version}${environment === undefined || environment === 'usr' ? '' : ` (${environment})`}`;
}

export type NameUses = RequestResult<'language.uses'>;

type Named = RequestResult<'language.symbols'>['symbols'][number];

/** The names of a text, each with those that lie inside of it. */
export function nameTree(named: readonly Named[]): languages.DocumentSymbol[] {
  const roots: languages.DocumentSymbol[] = [];
  const within: languages.DocumentSymbol[] = [];
  for (const { label, kind, depth, from, to, name } of named) {
    const one = {
      name: label,
      detail: '',
      kind: kind - 1,
      tags: [],
      range: rangeOf(from, to),
      selectionRange: rangeOf(name.from, name.to),
      children: [],
    };
    within.length = Math.min(depth, within.length);
    (within.at(-1)?.children ?? roots).push(one);
    within.push(one);
  }
  return roots;
}

function rangeOf(from: Place, to: Place): IRange {
  return { startLineNumber: from.line, startColumn: from.column, endLineNumber: to.line, endColumn: to.column };
}

interface Tracked {
  path: string;
  /** The version that the server was told. */
  told: number;
  subscription: IDisposable;
  cancelDiagnosis: (() => void) | null;
}

export class PythonHelp {
  /** What was found wrong in the open files of the workspace. */
  readonly problems = new ProblemList();
  private readonly options: PythonHelpOptions;
  private readonly tracked = new Map<TextModel, Tracked>();
  private readonly cleanups: (() => void)[] = [];

  constructor(options: PythonHelpOptions) {
    this.options = options;
    const { monaco, files } = options;
    const registered = [
      monaco.languages.registerCompletionItemProvider(LANGUAGE, {
        triggerCharacters: ['.'],
        provideCompletionItems: (model, position) => this.complete(model, position),
      }),
      monaco.languages.registerHoverProvider(LANGUAGE, { provideHover: (model, position) => this.hover(model, position) }),
      monaco.languages.registerDefinitionProvider(LANGUAGE, { provideDefinition: (model, position) => this.define(model, position) }),
      monaco.languages.registerRenameProvider(LANGUAGE, {
        provideRenameEdits: (model, position, name) => this.rename(model, position, name),
      }),
      monaco.languages.registerDocumentSymbolProvider(LANGUAGE, { provideDocumentSymbols: (model) => this.names(model) }),
      monaco.languages.registerSignatureHelpProvider(LANGUAGE, {
        signatureHelpTriggerCharacters: ['(', ','],
        provideSignatureHelp: (model, position) => this.signature(model, position),
      }),
      monaco.editor.registerEditorOpener({
        openCodeEditor: (_source, resource, place) => {
          if (!place) return this.show(resource, { line: 1, column: 1 });
          const [line, column] = 'lineNumber' in place ? [place.lineNumber, place.column] : [place.startLineNumber, place.startColumn];
          return this.show(resource, { line, column });
        },
      }),
    ];
    this.cleanups.push(
      files.store.subscribe(() => this.follow()),
      ...registered.map((one) => () => one.dispose()),
    );
    this.follow();
  }

  /** A file changed on disk: what is open may be right or wrong because of it. */
  onDiskChanged(path: string): void {
    if (OF_ENVIRONMENT.test(path)) this.judgeAgain(ENVIRONMENT_READ_AFTER_MS);
    else if (path.endsWith('.py')) this.judgeAgain(DIAGNOSE_AFTER_MS);
  }

  interpreters(): Promise<Interpreters> {
    return this.options.ask('language.interpreters', {});
  }

  /** From now on help comes from the packages of this Python; null for the one that is found by itself. */
  async useInterpreter(path: string | null): Promise<void> {
    await this.options.ask('language.useInterpreter', { path });
    this.judgeAgain(ENVIRONMENT_READ_AFTER_MS);
  }

  /** What is right in one text hangs on what the others say. */
  private judgeAgain(afterMs: number): void {
    for (const model of this.tracked.keys()) this.diagnoseSoon(model, afterMs);
  }

  dispose(): void {
    for (const cleanup of this.cleanups.splice(0)) cleanup();
    for (const model of [...this.tracked.keys()]) this.untrack(model);
  }

  /** Follows which Python files are open. */
  private follow(): void {
    const open = this.options.files.store.get().files;
    for (const [model, known] of [...this.tracked]) {
      if (!open.some((file) => file.model === model && file.path === known.path)) this.untrack(model);
    }
    for (const { path, model, readOnlyReason } of open) {
      const isToldOf = readOnlyReason === null || isOfLibrary(path);
      if (!model || !isToldOf || this.tracked.has(model) || model.getLanguageId() !== LANGUAGE) continue;
      const subscription = model.onDidChangeContent(() => this.judgeAgain(DIAGNOSE_AFTER_MS));
      this.tracked.set(model, { path, told: 0, subscription, cancelDiagnosis: null });
      if (!isOfLibrary(path)) this.problems.opened(path);
      this.diagnoseSoon(model, 0);
    }
  }

  private untrack(model: TextModel): void {
    const known = this.tracked.get(model);
    if (!known) return;
    this.tracked.delete(model);
    known.cancelDiagnosis?.();
    known.subscription.dispose();
    this.problems.closed(known.path);
    if (!model.isDisposed()) this.options.monaco.editor.setModelMarkers(model, LANGUAGE, []);
    void this.options.ask('language.close', { path: known.path }).catch(() => {});
  }

  private diagnoseSoon(model: TextModel, afterMs: number): void {
    const known = this.tracked.get(model);
    // What is wrong in a library is not this person's.
    if (!known || isOfLibrary(known.path)) return;
    known.cancelDiagnosis?.();
    known.cancelDiagnosis = this.options.time.after(afterMs, () => void this.diagnose(model, known));
  }

  private async diagnose(model: TextModel, known: Tracked): Promise<void> {
    known.cancelDiagnosis = null;
    this.tellAll();
    try {
      const { problems } = await this.askAbout(model, (path) => this.options.ask('language.diagnose', { path }));
      // What was typed meanwhile is judged next.
      if (this.tracked.get(model) !== known || known.cancelDiagnosis !== null) return;
      this.mark(model, problems);
      this.problems.judged(known.path, problems);
    } catch (error) {
      if (this.tracked.get(model) !== known) return;
      const isAway = error instanceof AppError && (error.code === 'unavailable' || error.code === 'sandbox_unavailable');
      if (!isAway) return this.problems.refused(known.path);
      this.problems.unanswered(known.path);
      this.diagnoseSoon(model, RETRY_AFTER_MS);
    }
  }

  private mark(model: TextModel, problems: readonly Problem[]): void {
    const { MarkerSeverity, MarkerTag, editor } = this.options.monaco;
    const severities = {
      error: MarkerSeverity.Error,
      warning: MarkerSeverity.Warning,
      information: MarkerSeverity.Info,
      hint: MarkerSeverity.Hint,
    };
    const markers = problems.map(({ from, to, severity, message, rule, unused }) => ({
      ...rangeOf(from, to),
      severity: severities[severity],
      message,
      source: PROBLEM_SOURCE,
      ...(rule === null ? {} : { code: rule }),
      ...(unused ? { tags: [MarkerTag.Unnecessary] } : {}),
    }));
    editor.setModelMarkers(model, LANGUAGE, markers);
  }

  /** Tells the server the text as it is now, where it does not know it, and asks. Rejects where it is not told of this model. */
  private async askAbout<T>(model: TextModel, ask: (path: string) => Promise<T>): Promise<T> {
    const known = this.tracked.get(model);
    if (!known || model.getValueLength() > LANGUAGE_TEXT_MAX_LENGTH) throw new AppError('not_found', 'There is no help for this file.');
    this.tell(model, known);
    try {
      return await ask(known.path);
    } catch (error) {
      // Another runner, or a tab that closed the file: the server has forgotten the text.
      if (!isMissing(error) || this.tracked.get(model) !== known) throw error;
      known.told = 0;
      this.tell(model, known);
      return ask(known.path);
    }
  }

  /** The question follows on the same way, and so arrives after the text. */
  private tell(model: TextModel, known: Tracked): void {
    const version = model.getVersionId();
    if (known.told === version) return;
    known.told = version;
    this.options.ask('language.sync', { path: known.path, text: model.getValue() }).catch(() => {
      known.told = 0;
    });
  }

  /** Null where the server is away, or says nothing: typing goes on without it. */
  private async at<T>(model: TextModel, { lineNumber, column }: Position, ask: (at: At) => Promise<T>): Promise<T | null> {
    return this.askAbout(model, (path) => ask({ path, line: lineNumber, column })).catch(() => null);
  }

  private async complete(model: TextModel, position: Position): Promise<languages.CompletionList> {
    // The full stop of a sentence asks for nothing: Enter after it would take a name that is offered, instead of going to the next line.
    if (endsInComment(model.getLineContent(position.lineNumber).slice(0, position.column - 1))) return { suggestions: [] };
    const answer = await this.at(model, position, (at) => this.options.ask('language.complete', at));
    const { startColumn, endColumn } = model.getWordUntilPosition(position);
    const range = { startLineNumber: position.lineNumber, endLineNumber: position.lineNumber, startColumn, endColumn };
    const kinds = this.options.monaco.languages.CompletionItemKind;
    const suggestions = (answer?.items ?? []).map(({ label, kind, insert, sort }) => ({
      label,
      kind: kinds[KINDS[kind - 1] ?? 'Text'],
      insertText: insert,
      sortText: sort,
      range,
    }));
    return { suggestions, incomplete: answer?.incomplete ?? false };
  }

  private async hover(model: TextModel, position: Position): Promise<languages.Hover | null> {
    const text = (await this.at(model, position, (at) => this.options.ask('language.hover', at)))?.text ?? null;
    if (text === null) return null;
    const [signature = '', ...rest] = text.split('\n\n');
    const explanation = rest.join('\n\n').trim();
    const contents = [{ value: asBlock(signature, LANGUAGE) }];
    if (explanation !== '') contents.push({ value: asBlock(explanation, 'text') });
    return { contents };
  }

  private async define(model: TextModel, position: Position): Promise<languages.Definition | null> {
    const answer = await this.at(model, position, (at) => this.options.ask('language.define', at));
    const place = answer?.places[0];
    if (!place) return null;
    const open = this.options.files.store.get().files.find(({ path }) => path === place.path)?.model;
    const scheme = place.library ? IN_LIBRARY : IN_WORKSPACE;
    const uri = open?.uri ?? this.options.monaco.Uri.from({ scheme, path: place.library ? place.path : `/${place.path}` });
    const { line, column } = place;
    return { uri, range: { startLineNumber: line, startColumn: column, endLineNumber: line, endColumn: column } };
  }

  private async names(model: TextModel): Promise<languages.DocumentSymbol[]> {
    const answer = await this.askAbout(model, (path) => this.options.ask('language.symbols', { path })).catch(() => null);
    return nameTree(answer?.symbols ?? []);
  }

  /** Where the name at a position is used, and defined. Rejects where the server is away. */
  uses(model: TextModel, { lineNumber, column }: Position): Promise<NameUses> {
    this.tellAll();
    return this.askAbout(model, (path) => this.options.ask('language.uses', { path, line: lineNumber, column }));
  }

  /**
   * Changes and saves the files itself: the editor's own edits would reach those alone that are open. One whose text is not that
   * which the server knew stays as it is, and the person is told which.
   */
  private async rename(
    model: TextModel,
    { lineNumber, column }: Position,
    name: string,
  ): Promise<languages.WorkspaceEdit & languages.Rejection> {
    const refuse = (rejectReason: string) => ({ edits: [], rejectReason });
    const word = model.getWordAtPosition({ lineNumber, column })?.word ?? '';
    if (!isPythonName(name)) return refuse(`“${name}” is no name that Python takes.`);
    this.tellAll();
    let found: RequestResult<'language.rename'>;
    try {
      found = await this.askAbout(model, (path) => this.options.ask('language.rename', { path, line: lineNumber, column, name }));
    } catch (error) {
      return refuse(error instanceof AppError ? error.message : 'The name could not be changed. Try again.');
    }
    if (found.files.length === 0) return refuse(`“${word}” cannot be changed: it is not defined in saved files of the workspace alone.`);
    const left: string[] = [];
    for (const { path, edits } of found.files)
      if ((await this.options.files.edit(path, (text) => withName(text, edits, word))) === null) left.push(path);
    const changed = found.files.length - left.length;
    const where = `${changed} ${changed === 1 ? 'file' : 'files'}`;
    this.options.say(
      left.length === 0
        ? `“${word}” is “${name}” in ${where}.`
        : `“${word}” is “${name}” in ${where}, and not in ${left.join(', ')}: changed meanwhile, edited elsewhere, or not to be saved.`,
    );
    return { edits: [] };
  }

  /** An answer may hang on, and be about, any of the open texts. */
  private tellAll(): void {
    for (const [model, known] of this.tracked) if (model.getValueLength() <= LANGUAGE_TEXT_MAX_LENGTH) this.tell(model, known);
  }

  private async signature(model: TextModel, position: Position): Promise<languages.SignatureHelpResult | null> {
    const answer = await this.at(model, position, (at) => this.options.ask('language.signature', at));
    if (!answer || answer.signatures.length === 0) return null;
    const signatures = answer.signatures.map(({ label, explanation, parameters }) => ({
      label,
      documentation: explanation,
      parameters: parameters.map((place) => ({ label: place })),
    }));
    return { value: { signatures, activeSignature: answer.signature, activeParameter: answer.parameter }, dispose: () => {} };
  }

  /** Shows a place that a definition led to; false where that is in no file of the sandbox. */
  private show(resource: { scheme: string; path: string; toString(): string }, { line, column }: Place): boolean {
    const { files } = this.options;
    const open = files.store.get().files.find(({ model }) => model?.uri.toString() === resource.toString());
    const shown = { [IN_WORKSPACE]: resource.path.slice(1), [IN_LIBRARY]: resource.path }[resource.scheme];
    const path = open?.path ?? shown;
    if (path === undefined) return false;
    void files.openAt(path, { line, column, length: 0 });
    return true;
  }
}

interface Place {
  line: number;
  column: number;
}

interface At extends Place {
  path: string;
}
