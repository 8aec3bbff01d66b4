import type * as Monaco from 'monaco-editor/editor/editor.api.js';
import { nextTask } from './nextTask.ts';
import { isDark, watchTheme } from './terminalTheme.ts';

export type MonacoApi = typeof Monaco;
export type TextModel = Monaco.editor.ITextModel;
export type CodeEditor = Monaco.editor.IStandaloneCodeEditor;

let loading: Promise<MonacoApi> | null = null;

/**
 * The editor, loaded once and from this server. It has every editing feature and the colours of common languages; the
 * services that judge code (TypeScript's, say) stay out, as they would know nothing of the sandbox.
 */
export function loadMonaco(): Promise<MonacoApi> {
  loading ??= load().catch((error: unknown) => {
    loading = null;
    throw error;
  });
  return loading;
}

async function load(): Promise<MonacoApi> {
  // Without a worker of its own Monaco would fall back to the page's thread, and only the console would say so.
  self.MonacoEnvironment = {
    getWorker: () => new Worker(new URL('monaco-editor/editor/editor.worker.js', import.meta.url), { type: 'module', name: 'editor' }),
  };
  const { runApi, runFeatures } = await import('./monacoParts.ts');
  await nextTask();
  const monaco = runApi();
  await nextTask();
  runFeatures();
  await nextTask();
  // The types of a library without its code.
  monaco.languages.register({ id: 'python', extensions: ['.pyi'] });
  defineThemes(monaco);
  monaco.editor.setTheme(isDark() ? 'plumbline-dark' : 'plumbline-light');
  // Lives as long as the page, as the editor's global theme does.
  watchTheme((dark) => monaco.editor.setTheme(dark ? 'plumbline-dark' : 'plumbline-light'));
  // What all editors share was made with the first theme.
  await nextTask();
  return monaco;
}

function defineThemes(monaco: MonacoApi): void {
  const themes = [
    { name: 'plumbline-dark', base: 'vs-dark', background: '#0f1115', frame: '#6b7686' },
    { name: 'plumbline-light', base: 'vs', background: '#ffffff', frame: '#7d8696' },
  ] as const;
  for (const { name, base, background, frame } of themes) {
    monaco.editor.defineTheme(name, { base, inherit: true, rules: [], colors: { 'editor.background': background, ...framed(frame) } });
  }
}

/** Where else the word at the caret stands: in a frame, since behind Monaco's own grey a keyword is hard to read. */
function framed(colour: string): Record<string, string> {
  const marks = ['wordHighlight', 'wordHighlightText', 'wordHighlightStrong', 'selectionHighlight'];
  return Object.fromEntries(
    marks.flatMap((mark) => [
      [`editor.${mark}Background`, '#00000000'],
      [`editor.${mark}Border`, colour],
    ]),
  );
}

/** The language that Monaco colours a path in. */
export function languageOf(monaco: MonacoApi, path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  const extension = dot >= 0 ? name.slice(dot).toLowerCase() : '';
  const found = monaco.languages
    .getLanguages()
    .find((language) => language.filenames?.includes(name) || (extension !== '' && language.extensions?.includes(extension)));
  return found?.id ?? 'plaintext';
}

/**
 * An editor that compares two texts. The two editors inside take over what all editors draw tips and blocks of code with, by
 * services that end with the comparison (monaco-editor 0.57): afterwards the rows of every list would stay empty. A plain
 * editor, made and left after them, gives that back to the page's own services.
 */
export function createComparison(
  monaco: MonacoApi,
  host: HTMLElement,
  options: Monaco.editor.IStandaloneDiffEditorConstructionOptions,
): Monaco.editor.IStandaloneDiffEditor {
  const comparison = monaco.editor.createDiffEditor(host, options);
  monaco.editor.create(document.createElement('div'), { model: null }).dispose();
  return comparison;
}

/** Names an editor for those who hear it. One side of a comparison forgets its name whenever its width changes another option. */
export function keepName(monaco: MonacoApi, editor: CodeEditor, name: string): void {
  const { ariaLabel } = monaco.editor.EditorOption;
  editor.updateOptions({ ariaLabel: name });
  editor.onDidChangeConfiguration((changed) => {
    if (changed.hasChanged(ariaLabel) && editor.getOption(ariaLabel) !== name) editor.updateOptions({ ariaLabel: name });
  });
}

/** Settings that the workspace's and the replay's editors share. */
export const EDITOR_OPTIONS = {
  automaticLayout: true,
  fontFamily: "'JetBrains Mono Variable', 'JetBrains Mono', ui-monospace, Menlo, Consolas, monospace",
  fontSize: 13,
  minimap: { enabled: false },
  scrollBeyondLastLine: false,
  smoothScrolling: false,
  renderWhitespace: 'selection',
  // Dimmed, as it is by default, the number of the last line is too faint to read.
  renderFinalNewline: 'on',
  fixedOverflowWidgets: true,
  wordBasedSuggestions: 'currentDocument',
  unicodeHighlight: { ambiguousCharacters: false },
} as const satisfies Monaco.editor.IStandaloneEditorConstructionOptions;
