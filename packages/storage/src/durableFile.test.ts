import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readOrCreateSync, replaceFile, replaceFileSync, syncFileSystems } from './durableFile.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'durable-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('a file that is replaced has the new content and mode, and nothing else is left beside it', async () => {
  const path = join(dir, 'record');
  await replaceFile(path, 'first', 0o600);
  replaceFileSync(path, 'second', 0o640);
  expect(readFileSync(path, 'utf8')).toBe('second');
  expect(statSync(path).mode & 0o777).toBe(0o640);
  expect(readdirSync(dir)).toEqual(['record']);
});

it('one that cannot be written is a rejection, and what was there stays', async () => {
  await expect(replaceFile(join(dir, 'gone', 'record'), 'text', 0o600)).rejects.toMatchObject({ code: 'ENOENT' });
  const path = join(dir, 'record');
  await replaceFile(path, 'first', 0o600);
  await expect(replaceFile(path, { toString: () => 'no text' } as unknown as string, 0o600)).rejects.toThrow();
  expect(readFileSync(path, 'utf8')).toBe('first');
});

it('a file is made once: whoever comes later has what the first one wrote', () => {
  const path = join(dir, 'secret');
  const made: string[] = [];
  const make = (text: string) => () => {
    made.push(text);
    // Somebody else is quicker.
    if (text === 'mine') expect(readOrCreateSync(path, make('theirs'), 0o600).toString()).toBe('theirs');
    return text;
  };
  expect(readOrCreateSync(path, make('mine'), 0o600).toString()).toBe('theirs');
  expect(readOrCreateSync(path, make('later'), 0o600).toString()).toBe('theirs');
  expect(made).toEqual(['mine', 'theirs']);
  expect(readdirSync(dir)).toEqual(['secret']);
});

it('file systems are synced by folders of theirs, and one that is not there is told of', async () => {
  await syncFileSystems(dir, tmpdir());
  await expect(syncFileSystems(join(dir, 'gone'))).rejects.toThrow(/gone/);
});
