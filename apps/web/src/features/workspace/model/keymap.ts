import type { Keymap } from '@plumbline/core';
import type { CodeEditor } from './monaco.ts';
import type { OpenFile } from './openFile.ts';
import { Store } from './store.ts';

/** The keymap of this attempt's editors: part of the setup that its participant gave before the clock. */
export const keymap = new Store<Keymap>('vscode');

/** What Vim's own commands for files do here: with the file that the editor shows, or with all that are open. */
export interface VimActs {
  files: (all: boolean) => readonly OpenFile[];
  /** True when the file on disk is what the editor shows. */
  save: (file: OpenFile, overwrite: boolean) => Promise<boolean>;
  /** Asks first where something is unsaved, unless it is to be dropped. */
  close: (file: OpenFile, discard: boolean) => void;
  say: (text: string) => void;
}

interface ExCommand {
  name: string;
  prefix: string;
  all: boolean;
  writes: 'always' | 'if changed' | 'never';
  closes: boolean;
}

const EX_COMMANDS: readonly ExCommand[] = [
  { name: 'write', prefix: 'w', all: false, writes: 'always', closes: false },
  { name: 'update', prefix: 'up', all: false, writes: 'if changed', closes: false },
  { name: 'quit', prefix: 'q', all: false, writes: 'never', closes: true },
  { name: 'wq', prefix: 'wq', all: false, writes: 'always', closes: true },
  { name: 'xit', prefix: 'x', all: false, writes: 'if changed', closes: true },
  { name: 'wall', prefix: 'wa', all: true, writes: 'if changed', closes: false },
  { name: 'qall', prefix: 'qa', all: true, writes: 'never', closes: true },
  { name: 'wqall', prefix: 'wqa', all: true, writes: 'if changed', closes: true },
  { name: 'xall', prefix: 'xa', all: true, writes: 'if changed', closes: true },
];

const acts = new WeakMap<CodeEditor, VimActs>();

/**
 * Does the Ex command of a short name. `argument` is what stands behind that: `!`, or a name that a file would get elsewhere.
 *
 * @throws Error where there is no such command.
 */
export async function runExCommand(prefix: string, own: VimActs, argument: string): Promise<void> {
  const command = EX_COMMANDS.find((one) => one.prefix === prefix);
  if (!command) throw new Error(`there is no command :${prefix}`);
  const { all, writes, closes } = command;
  const isForced = argument.startsWith('!');
  if (argument.replace(/^!/, '').trim() !== '') {
    own.say('A file is saved under its own name here: use “:w” alone, and the files’ panel for a copy.');
    return;
  }
  for (const file of own.files(all)) {
    const isWritten = writes === 'always' || (writes === 'if changed' && file.dirty);
    if (isWritten && !(await own.save(file, isForced))) continue;
    if (closes) own.close(file, isWritten || isForced);
  }
}

/** One for the page: its commands are shared by all editors. */
let loading: Promise<typeof import('monaco-vim')> | null = null;

function loadVim(): Promise<typeof import('monaco-vim')> {
  loading ??= import('monaco-vim').then(
    (vim) => {
      const { Vim } = vim.VimMode as unknown as {
        Vim: {
          defineEx(
            name: string,
            prefix: string,
            run: (adapter: { editor: CodeEditor }, params: { argString?: string } | undefined) => void,
          ): void;
        };
      };
      for (const { name, prefix } of EX_COMMANDS) {
        Vim.defineEx(name, prefix, ({ editor }, params) => {
          const own = acts.get(editor);
          if (own) void runExCommand(prefix, own, params?.argString ?? '');
        });
      }
      return vim;
    },
    (error: unknown) => {
      loading = null;
      throw error;
    },
  );
  return loading;
}

/** Gives an editor Vim's keys, and a line that shows its mode and takes its commands. The answer takes them away again. */
export function attachVim(editor: CodeEditor, status: HTMLElement, own: VimActs): () => void {
  let vim: { dispose(): void } | null = null;
  let gone = false;
  acts.set(editor, own);
  loadVim().then(
    ({ initVimMode }) => {
      if (gone) return;
      vim = initVimMode(editor as Parameters<typeof initVimMode>[0], status);
    },
    () => {
      status.textContent = 'Vim’s keys could not be loaded. Reload the page to try again.';
    },
  );
  return () => {
    if (gone) return;
    gone = true;
    vim?.dispose();
    status.replaceChildren();
  };
}
