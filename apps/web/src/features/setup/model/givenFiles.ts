import { DOTFILE_MAX_BYTES, type Dotfile, type SetupFinding } from '@plumbline/core';
import { parseTar } from 'nanotar';

/** Files and small archives that a person gives, as dotfiles of their home folder. What is wrong with them is found, not thrown. */

const ARCHIVE_MAX_BYTES = 1024 * 1024;
const UNPACKED_MAX_BYTES = 8 * 1024 * 1024;
const LISTED_MAX = 1_000;

/** Names that are kept without their dot in many people's repositories of dotfiles. */
const WITHOUT_DOT = new Set([
  'bashrc',
  'bash_profile',
  'bash_aliases',
  'profile',
  'inputrc',
  'vimrc',
  'tmux.conf',
  'gitconfig',
  'pdbrc',
  'screenrc',
  'editorconfig',
]);

export interface Given {
  files: Dotfile[];
  problems: SetupFinding[];
}

/** The path in the home folder that is meant: `~/` and folders around the first dotfile are left out. */
export function homePath(path: string): string {
  const names = path
    .replace(/^~\//, '')
    .split('/')
    .filter((name, i) => name !== '.' || i > 0);
  const first = names.findIndex((name) => name.startsWith('.') && name !== '..' && name !== '.');
  if (first > 0 && !names.slice(0, first).includes('..') && names[0] !== '') return names.slice(first).join('/');
  const [only = ''] = names;
  return names.length === 1 && WITHOUT_DOT.has(only) ? `.${only}` : names.join('/');
}

/** Reads what was given, archives (.tar, .tar.gz, .tgz) with all that is in them. */
export async function readGiven(incoming: readonly { path: string; file: Blob }[]): Promise<Given> {
  const files: Dotfile[] = [];
  const problems: SetupFinding[] = [];
  const refuse = (path: string, message: string) => problems.push({ path, line: null, message });
  for (const { path, file } of incoming.slice(0, LISTED_MAX)) {
    if (/\.(?:tar|tgz|tar\.gz)$/i.test(path)) {
      const unpacked = await readArchive(path, file);
      files.push(...unpacked.files);
      problems.push(...unpacked.problems);
    } else if (/\.(?:zip|7z|rar|xz|bz2|zst|gz)$/i.test(path)) {
      refuse(path, 'is an archive of a kind that is not read here. Pack the files as .tar.gz, or choose them one by one.');
    } else if (file.size > DOTFILE_MAX_BYTES) {
      refuse(homePath(path), `has ${Math.round(file.size / 1024)} KiB; one file can have at most ${DOTFILE_MAX_BYTES / 1024} KiB.`);
    } else {
      files.push({ path: homePath(path), text: textOf(new Uint8Array(await file.arrayBuffer())) });
    }
  }
  if (incoming.length > LISTED_MAX) refuse('', `These are ${incoming.length} files. Choose those that you need.`);
  return { files, problems };
}

async function readArchive(path: string, file: Blob): Promise<Given> {
  const files: Dotfile[] = [];
  const problems: SetupFinding[] = [];
  const refuse = (name: string, message: string) => problems.push({ path: name, line: null, message });
  if (file.size > ARCHIVE_MAX_BYTES) {
    refuse(path, `has ${Math.round(file.size / 1024)} KiB; an archive can have at most ${ARCHIVE_MAX_BYTES / 1024} KiB.`);
    return { files, problems };
  }
  try {
    const data = /gz$/i.test(path) ? await inflated(file) : new Uint8Array(await file.arrayBuffer());
    for (const item of parseTar(data)) {
      const name = item.name.replace(/\/$/, '');
      if (item.type === 'file' && item.data !== undefined) {
        if (item.size > DOTFILE_MAX_BYTES) {
          refuse(homePath(name), `has ${Math.round(item.size / 1024)} KiB; one file can have at most ${DOTFILE_MAX_BYTES / 1024} KiB.`);
        } else files.push({ path: homePath(name), text: textOf(item.data) });
      } else if (item.type === 'symbolicLink' || item.type === 'hardLink') {
        refuse(homePath(name), 'is a link. Only files can be brought along: give what it leads to.');
      } else if (item.type !== 'directory' && item.type !== 'globalExtendedHeader' && item.type !== 'extendedHeader') {
        refuse(homePath(name), 'is no ordinary file.');
      }
    }
    if (files.length === 0 && problems.length === 0) refuse(path, 'has no file in it.');
  } catch (error) {
    refuse(
      path,
      error instanceof TooMuch ? error.message : 'cannot be read as an archive. Pack the files as .tar.gz anew, or choose them one by one.',
    );
  }
  return { files, problems };
}

class TooMuch extends Error {}

/** What is no UTF-8 leaves a mark by which it is refused afterwards. */
function textOf(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

async function inflated(file: Blob): Promise<Uint8Array> {
  const reader = file.stream().pipeThrough(new DecompressionStream('gzip')).getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > UNPACKED_MAX_BYTES) {
      await reader.cancel();
      throw new TooMuch('holds far more than can be brought along. Choose the files that you need.');
    }
    parts.push(value);
  }
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
}
