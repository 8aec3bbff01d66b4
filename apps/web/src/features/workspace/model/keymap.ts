import type { Keymap } from '@plumbline/core';
import type { CodeEditor } from './monaco.ts';
import { Store } from './store.ts';

/** The keymap of this attempt's editors: part of the setup that its participant gave before the clock. */
export const keymap = new Store<Keymap>('vscode');

/** What Vim's own commands for files do here. */
export interface VimActs {
  save: () => void;
  close: () => void;
}

const acts = new WeakMap<CodeEditor, VimActs>();
/** One for the page: its commands are shared by all editors. */
let loading: Promise<typeof import('monaco-vim')> | null = null;

function loadVim(): Promise<typeof import('monaco-vim')> {
  loading ??= import('monaco-vim').then(
    (vim) => {
      const { Vim } = vim.VimMode as unknown as {
        Vim: { defineEx(name: string, prefix: string, run: (adapter: { editor: CodeEditor }) => void): void };
      };
      const save = ({ editor }: { editor: CodeEditor }) => acts.get(editor)?.save();
      const close = ({ editor }: { editor: CodeEditor }) => acts.get(editor)?.close();
      Vim.defineEx('write', 'w', save);
      Vim.defineEx('quit', 'q', close);
      for (const [name, prefix] of [
        ['wq', 'wq'],
        ['xit', 'x'],
      ] as const) {
        Vim.defineEx(name, prefix, (adapter) => {
          save(adapter);
          close(adapter);
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
