/**
 * A participant's setup: the dotfiles that they are used to and the keymap of the editor. It is their account's, given before the
 * clock; an attempt has the one that was given when its clock started.
 */

/** One small text file of the home folder. `path` is relative to it and has `/` between its names. */
export interface Dotfile {
  path: string;
  text: string;
}

export const KEYMAPS = ['vscode', 'vim'] as const;
export type Keymap = (typeof KEYMAPS)[number];

export interface Setup {
  keymap: Keymap;
  files: Dotfile[];
}

export const NO_SETUP: Setup = { keymap: 'vscode', files: [] };

/** The size of one file, in bytes of UTF-8. */
export const DOTFILE_MAX_BYTES = 64 * 1024;
/** Of all files together. They stand in the recording, in one event. */
export const DOTFILES_MAX_BYTES = 256 * 1024;
export const DOTFILES_MAX = 64;

/** What a check found, and where. `line` counts from 1; null where it is about the whole file. */
export interface SetupFinding {
  path: string;
  line: number | null;
  message: string;
}

export function textBytes(text: string): number {
  return new TextEncoder().encode(text).length;
}
