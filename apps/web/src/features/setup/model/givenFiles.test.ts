import { gzipSync } from 'node:zlib';
import { findDotfileProblems } from '@plumbline/core';
import { createTar } from 'nanotar';
import { describe, expect, it } from 'vitest';
import { homePath, readGiven } from './givenFiles.ts';

const blob = (data: string | Uint8Array) => new Blob([data as BlobPart]);

describe('the path that is meant', () => {
  it.each([
    ['.bashrc', '.bashrc'],
    ['~/.vimrc', '.vimrc'],
    ['./.vimrc', '.vimrc'],
    ['dotfiles/.config/nvim/init.lua', '.config/nvim/init.lua'],
    ['vimrc', '.vimrc'],
    ['notes.txt', 'notes.txt'],
    ['../.bashrc', '../.bashrc'],
    ['/home/me/.bashrc', '/home/me/.bashrc'],
    ['.config/../x', '.config/../x'],
  ])('of %s is %s', (given, meant) => {
    expect(homePath(given)).toBe(meant);
  });
});

describe('what is given', () => {
  it('is read from files and from archives with their folders', async () => {
    const tar = createTar([
      { name: 'dotfiles' },
      { name: 'dotfiles/.vimrc', data: 'set number\n' },
      { name: 'dotfiles/.config/a/b', data: 'ü\n' },
    ]);
    const { files, problems } = await readGiven([
      { path: '.bashrc', file: blob('alias a=b\n') },
      { path: 'dotfiles.tar.gz', file: blob(gzipSync(tar)) },
    ]);
    expect(problems).toEqual([]);
    expect(files).toEqual([
      { path: '.bashrc', text: 'alias a=b\n' },
      { path: '.vimrc', text: 'set number\n' },
      { path: '.config/a/b', text: 'ü\n' },
    ]);
  });

  it('is refused by name where it is too large, a link, no archive, or an archive of another kind', async () => {
    const link = createTar([{ name: '.vimrc', data: '' }]);
    // A symbolic link is an entry of this type.
    link[156] = '2'.charCodeAt(0);
    let sum = 0;
    for (let i = 0; i < 512; i += 1) sum += i >= 148 && i < 156 ? 32 : (link[i] ?? 0);
    new TextEncoder().encodeInto(`${sum.toString(8).padStart(6, '0')}\0 `, link.subarray(148, 156));
    const { files, problems } = await readGiven([
      { path: '.large', file: blob(new Uint8Array(70 * 1024)) },
      { path: 'links.tar', file: blob(link) },
      { path: 'broken.tgz', file: blob('no archive') },
      { path: 'bomb.tar.gz', file: blob(gzipSync(new Uint8Array(20 * 1024 * 1024))) },
      { path: 'dotfiles.zip', file: blob('PK') },
    ]);
    expect(files).toEqual([]);
    expect(problems.map(({ path, message }) => `${path} ${message}`)).toEqual([
      '.large has 70 KiB; one file can have at most 64 KiB.',
      expect.stringMatching(/^\.vimrc is a link/),
      expect.stringMatching(/^broken\.tgz cannot be read as an archive/),
      expect.stringMatching(/^bomb\.tar\.gz holds far more/),
      expect.stringMatching(/^dotfiles\.zip is an archive of a kind/),
    ]);
  });

  it('that is no UTF-8 is refused afterwards as no text', async () => {
    const { files } = await readGiven([{ path: '.x', file: blob(Uint8Array.of(0x61, 0xff, 0x62)) }]);
    expect(findDotfileProblems(files).map(({ message }) => message)).toEqual([expect.stringContaining('not text')]);
  });
});
