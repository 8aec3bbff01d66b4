import { createHash } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { type FileHandle, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { folderStore } from './folderStore.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-store-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const nameOf = (text: string) => createHash('sha256').update(text).digest('hex');

async function* pieces(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

describe('a folder store', () => {
  it('gives back what was put, whole or piece by piece', async () => {
    const store = folderStore(folder);
    await store.put(nameOf('whole'), Buffer.from('whole'));
    await store.put(nameOf('pieces'), pieces('pie', '', 'ces'));
    expect((await store.get(nameOf('whole'))).toString()).toBe('whole');
    expect((await buffer(await store.stream(nameOf('pieces')))).toString()).toBe('pieces');
    expect(await store.size(nameOf('pieces'))).toBe(6);
    expect(await store.has(nameOf('whole'))).toBe(true);
  });

  it('takes the same object twice, at the same time too, and forgets it when asked', async () => {
    const store = folderStore(folder);
    const name = nameOf('twice');
    await Promise.all([store.put(name, Buffer.from('twice')), store.put(name, Buffer.from('twice'))]);
    expect((await store.get(name)).toString()).toBe('twice');
    await store.delete(name);
    await store.delete(name);
    expect(await store.has(name)).toBe(false);
    await expect(store.get(name)).rejects.toMatchObject({ code: 'not_found' });
    await expect(store.stream(name)).rejects.toMatchObject({ code: 'not_found' });
    expect(await store.size(name)).toBeNull();
  });

  it('shows nothing of an object whose writing failed', async () => {
    const store = folderStore(folder);
    const name = nameOf('broken');
    const broken = (async function* () {
      yield Buffer.from('the first half');
      throw new Error('the source broke off');
    })();
    await expect(store.put(name, broken)).rejects.toThrow('broke off');
    expect(await store.has(name)).toBe(false);
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    expect(files).toEqual([]);
  });

  it('has the object and every folder on its way on the disk before it says so', async () => {
    const synced: string[] = [];
    const handle = await open(folder);
    const files = Object.getPrototypeOf(handle) as FileHandle;
    await handle.close();
    const { sync } = files;
    const spy = vi.spyOn(files, 'sync').mockImplementation(async function (this: FileHandle) {
      synced.push(readlinkSync(`/proc/self/fd/${this.fd}`));
      await sync.call(this);
    });
    try {
      const root = join(folder, 'new', 'store');
      const name = nameOf('synced');
      const own = join(root, name.slice(0, 2), name.slice(2, 4));
      await folderStore(root).put(name, Buffer.from('synced'));
      const parents = [dirname(own), root, dirname(root), folder];
      expect(synced).toEqual([...parents, expect.stringContaining('.tmp-'), own]);
      // Who finds the folders there cannot know that they are on the disk: their maker may have been killed.
      synced.length = 0;
      const another = folderStore(root);
      await another.put(name, Buffer.from('synced'));
      expect(synced).toEqual([dirname(own), root, expect.stringContaining('.tmp-'), own]);
      synced.length = 0;
      await another.put(name, Buffer.from('synced'));
      expect(synced).toEqual([expect.stringContaining('.tmp-'), own]);
    } finally {
      spy.mockRestore();
    }
  });

  it('takes no name that is not one, so that nobody walks out of it', async () => {
    const store = folderStore(folder);
    for (const name of ['', '../../etc/passwd', nameOf('x').toUpperCase(), `${nameOf('x')}/..`, `${nameOf('x').slice(1)}\0`]) {
      await expect(store.put(name, Buffer.of())).rejects.toMatchObject({ code: 'invalid_input' });
      await expect(store.get(name)).rejects.toMatchObject({ code: 'invalid_input' });
      await expect(store.delete(name)).rejects.toMatchObject({ code: 'invalid_input' });
    }
  });
});
