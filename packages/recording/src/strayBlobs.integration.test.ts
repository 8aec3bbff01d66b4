import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { findBlob, insertBlob, insertBlobPart, listBlobParts } from '@plumbline/database/blobs';
import { BLOB_PART_BYTES } from '@plumbline/protocol';
import { folderStore, type ObjectStore } from '@plumbline/storage';
import { makeAttempt, type TemporaryFolder, type TestDatabase, temporaryFolder, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sealBlob, sealBlobPart } from './blob.ts';
import { loadRecordingKeys, type RecordingKeys } from './keys.ts';
import { eraseRecording } from './redact.ts';
import { findStoredBlob } from './storedBlob.ts';
import { removeStrayBlobs } from './strayBlobs.ts';

let database: TestDatabase;
let folder: TemporaryFolder;
let store: ObjectStore;
let keys: RecordingKeys;
/** Every object that was ever stored. */
let objects: string[];

beforeAll(async () => {
  database = await testDatabase();
  folder = await temporaryFolder();
  store = folderStore(`${folder.path}/store`);
  keys = await loadRecordingKeys(`${folder.path}/keys`);
});
beforeEach(() => {
  objects = [];
});
afterAll(async () => {
  await database.drop();
  await folder.remove();
});

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const newAttempt = async () => (await makeAttempt(database.db)).attempt.id;

async function stored(sealed: Buffer): Promise<string> {
  const objectHash = sha256(sealed);
  await store.put(objectHash, sealed);
  objects.push(objectHash);
  return objectHash;
}

async function small(attemptId: string, plain: Buffer): Promise<string> {
  const hash = sha256(plain);
  const objectHash = await stored(sealBlob(await keys.dataKey(database.db, attemptId), plain, hash));
  await insertBlob(database.db, { attemptId, hash, objectHash, bytes: plain.length });
  return hash;
}

/** One of two parts, of which as many come as are given. */
async function large(attemptId: string, come: number): Promise<string> {
  const plain = randomBytes(BLOB_PART_BYTES + 1);
  const hash = sha256(plain);
  const dataKey = await keys.dataKey(database.db, attemptId);
  for (let part = 1; part <= come; part += 1) {
    const own = plain.subarray((part - 1) * BLOB_PART_BYTES, part * BLOB_PART_BYTES);
    const objectHash = await stored(sealBlobPart(dataKey, own, { hash, part, parts: 2 }));
    await insertBlobPart(database.db, attemptId, hash, { part, objectHash, bytes: own.length });
  }
  if (come === 2) await insertBlob(database.db, { attemptId, hash, objectHash: null, bytes: plain.length });
  return hash;
}

/** Which of the objects are there. */
const there = () => Promise.all(objects.map((name) => store.has(name)));

async function over(attemptId: string, state: string): Promise<void> {
  await database.db.pool.query('UPDATE attempt SET state = $2, completed_at = now() WHERE id = $1', [attemptId, state]);
}

async function lease(attemptId: string, state: string): Promise<void> {
  await database.db.pool.query('DELETE FROM lease WHERE attempt_id = $1', [attemptId]);
  await database.db.pool.query('INSERT INTO lease (id, attempt_id, state) VALUES ($1, $2, $3)', [randomUUID(), attemptId, state]);
}

describe('blobs that nobody can use any more', () => {
  it('go with the recording that is erased, whole, in parts and unfinished ones, and no object of another attempt', async () => {
    const [erased, other] = [await newAttempt(), await newAttempt()];
    const content = Buffer.from('the same content in both');
    await small(erased, content);
    await large(erased, 2);
    await large(erased, 1);
    const kept = await small(other, content);
    await eraseRecording({ db: database.db, store, attemptId: erased });
    expect(await there()).toEqual([false, false, false, false, true]);
    const dataKey = await keys.dataKey(database.db, other);
    expect(await findStoredBlob({ db: database.db, store, attemptId: other, dataKey }, kept)).toMatchObject({ bytes: content.length });
  });

  it('go also where they are stored just after the erasure', async () => {
    const attemptId = await newAttempt();
    const dataKey = await keys.dataKey(database.db, attemptId);
    await eraseRecording({ db: database.db, store, attemptId });
    const plain = Buffer.from('was on its way');
    const hash = sha256(plain);
    await insertBlob(database.db, { attemptId, hash, objectHash: await stored(sealBlob(dataKey, plain, hash)), bytes: plain.length });
    expect(await removeStrayBlobs({ db: database.db, store })).toBe(1);
    expect(await there()).toEqual([false]);
    expect(await findBlob(database.db, attemptId, hash)).toBeNull();
  });

  it('go as parts of an upload that nobody finishes once the attempt is over and its machine given back; a blob that is whole stays', async () => {
    for (const state of ['completed', 'void', 'withdrawn']) {
      objects = [];
      const attemptId = await newAttempt();
      const unfinished = await large(attemptId, 1);
      const whole = await large(attemptId, 2);
      await lease(attemptId, 'released');
      expect(await removeStrayBlobs({ db: database.db, store })).toBe(0);
      await over(attemptId, state);
      await lease(attemptId, 'releasing');
      expect(await removeStrayBlobs({ db: database.db, store })).toBe(0);
      expect(await there()).toEqual([true, true, true]);
      await lease(attemptId, 'released');
      expect(await removeStrayBlobs({ db: database.db, store })).toBe(1);
      expect(await there()).toEqual([false, true, true]);
      expect(await listBlobParts(database.db, attemptId, unfinished)).toEqual([]);
      expect(await findBlob(database.db, attemptId, whole)).not.toBeNull();
      expect(await removeStrayBlobs({ db: database.db, store })).toBe(0);
    }
  });

  it('stay known where the store is away, and go when it is back', async () => {
    const attemptId = await newAttempt();
    await small(attemptId, Buffer.from('content'));
    const away = { ...store, delete: () => Promise.reject(new Error('the store is away')) };
    await expect(eraseRecording({ db: database.db, store: away, attemptId })).rejects.toThrow('the store is away');
    expect(await there()).toEqual([true]);
    expect(await removeStrayBlobs({ db: database.db, store })).toBe(1);
    expect(await there()).toEqual([false]);
  });
});
