import type { Keymap, SetupFinding } from '@plumbline/core';

export const KEYMAP_WORDS: Record<Keymap, string> = {
  vscode: 'VS Code',
  vim: 'Vim',
};

/** A finding as a sentence: `.bashrc, line 3, downloads something.` */
export function findingWords({ path, line, message }: SetupFinding): string {
  if (path === '') return message;
  return line === null ? `${path} ${message}` : `${path}, line ${line}, ${message}`;
}
