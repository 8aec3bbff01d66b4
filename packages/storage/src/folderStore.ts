import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, constants, type FileHandle, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { AppError } from '@plumbline/core';
import { assertDiskRoom } from './diskRoom.ts';
import { sync } from './durableFile.ts';
import { assertObjectName, type ObjectBody, type ObjectStore } from './objectStore.ts';

/**
 * Objects as files `aa/bb/<name>` below one folder. A file is written beside its place, synced and renamed, so a crash
 * leaves either the whole object or a stray `.tmp-` file that nothing reads.
 */
export function folderStore(root: string): ObjectStore {
  const top = resolve(root);
  /** Folders that a power cut would leave where they are. One that exists may be another writer's, who has not got so far. */
  const placed = new Set<string>();

  function placeOf(name: string): string {
    assertObjectName(name);
    return join(top, name.slice(0, 2), name.slice(2, 4), name);
  }

  async function makeFolder(folder: string): Promise<void> {
    // The uppermost of those that were missing.
    const made = await mkdir(folder, { recursive: true, mode: 0o700 });
    if (made === undefined && placed.has(folder)) return;
    const last = made !== undefined && made.length <= top.length ? dirname(made) : top;
    for (let parent = dirname(folder); ; parent = dirname(parent)) {
      await sync(parent);
      if (parent === last) break;
    }
    placed.add(folder);
  }

  async function put(name: string, body: ObjectBody): Promise<void> {
    const place = placeOf(name);
    const folder = dirname(place);
    await makeFolder(folder);
    const temporary = join(folder, `.tmp-${randomBytes(8).toString('hex')}`);
    const file = await open(temporary, 'wx', 0o600);
    try {
      try {
        await writeBody(file, body);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, place);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await sync(folder);
  }

  return {
    put,
    async get(name) {
      try {
        return await readFile(placeOf(name));
      } catch (error) {
        throw asNotFound(error);
      }
    },
    async stream(name): Promise<Readable> {
      const place = placeOf(name);
      await stat(place).catch((error: unknown) => {
        throw asNotFound(error);
      });
      return createReadStream(place);
    },
    async has(name) {
      return (await sizeOf(placeOf(name))) !== null;
    },
    async size(name) {
      return sizeOf(placeOf(name));
    },
    async delete(name) {
      await rm(placeOf(name), { force: true });
    },
    async check() {
      // The first object makes the folder, which lies on the disk of the one above it until then.
      const there = (await sizeOf(top)) === null ? dirname(top) : top;
      await access(`${there}/`, constants.R_OK | constants.W_OK | constants.X_OK).catch((cause: unknown) => {
        throw new AppError('unavailable', 'it cannot be read and written', { cause });
      });
      await assertDiskRoom(there);
    },
  };
}

async function writeBody(file: FileHandle, body: ObjectBody): Promise<void> {
  if (body instanceof Uint8Array) {
    await file.writeFile(body);
    return;
  }
  for await (const piece of body) {
    // `write` may take less than it is given.
    let written = 0;
    while (written < piece.length) written += (await file.write(piece, written)).bytesWritten;
  }
}

async function sizeOf(place: string): Promise<number | null> {
  try {
    return (await stat(place)).size;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function asNotFound(error: unknown): unknown {
  return isMissing(error) ? new AppError('not_found', 'The object is not in the store.', { cause: error }) : error;
}
