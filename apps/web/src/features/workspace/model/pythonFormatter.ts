import type { languages } from 'monaco-editor/editor/editor.api.js';
import type { BrowserTime } from './browserTime.ts';
import type { MonacoApi, TextModel } from './monaco.ts';

/** Formats Python as Ruff does, in the browser: half a megabyte that is loaded when somebody formats for the first time. */

export interface FormatQuestion {
  text: string;
  tabSize: number;
  insertSpaces: boolean;
}

/** `isLost` where no later question would fare better with the same worker. */
export type FormatAnswer = { text: string } | { refused: string; isLost?: true };

export interface PythonFormatterOptions {
  readonly monaco: MonacoApi;
  readonly time: BrowserTime;
  /** Says something to the person once. */
  readonly say: (text: string) => void;
  readonly makeWorker?: () => Worker;
}

/** Far more than a long file takes, with the formatter's loading over a slow line. */
const ANSWER_WITHIN_MS = 30_000;

export class PythonFormatter {
  private readonly options: PythonFormatterOptions;
  private readonly registered: { dispose(): void };
  private worker: Worker | null = null;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(options: PythonFormatterOptions) {
    this.options = options;
    this.registered = options.monaco.languages.registerDocumentFormattingEditProvider('python', {
      displayName: 'Ruff',
      provideDocumentFormattingEdits: (model, style) => this.edits(model, style),
    });
  }

  dispose(): void {
    this.registered.dispose();
    this.drop();
  }

  /** Null where there is nothing to change, or it cannot be: the person is told why. */
  private async edits(model: TextModel, { tabSize, insertSpaces }: languages.FormattingOptions): Promise<languages.TextEdit[] | null> {
    const text = model.getValue();
    const answer = await this.ask({ text, tabSize, insertSpaces });
    if ('refused' in answer) {
      this.options.say(`Not formatted: ${answer.refused}`);
      return null;
    }
    // What was typed meanwhile is worth more than its format.
    if (model.isDisposed() || model.getValue() !== text || answer.text === text) return null;
    return [{ range: model.getFullModelRange(), text: answer.text }];
  }

  /** One at a time, so that an answer belongs to the question before it. */
  private ask(question: FormatQuestion): Promise<FormatAnswer> {
    const answer = this.queue.then(() => this.askNow(question));
    this.queue = answer;
    return answer;
  }

  private askNow(question: FormatQuestion): Promise<FormatAnswer> {
    this.worker ??= (this.options.makeWorker ?? makeWorker)();
    const { worker } = this;
    return new Promise((resolve) => {
      const end = (answer: FormatAnswer) => {
        cancel();
        if ('isLost' in answer) this.drop();
        resolve(answer);
      };
      const cancel = this.options.time.after(ANSWER_WITHIN_MS, () => end({ refused: 'the formatter does not answer.', isLost: true }));
      worker.onmessage = ({ data }: MessageEvent<FormatAnswer>) => end(data);
      worker.onerror = () => end({ refused: 'the formatter could not be loaded.', isLost: true });
      worker.postMessage(question);
    });
  }

  private drop(): void {
    this.worker?.terminate();
    this.worker = null;
  }
}

function makeWorker(): Worker {
  return new Worker(new URL('./pythonFormatter.worker.ts', import.meta.url), { type: 'module', name: 'python-formatter' });
}
