import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import { insertWrappedKey, readWrappedKey } from '@plumbline/database/recordingKeys';
import type { RecordingDatabase } from '@plumbline/database/recordingTail';
import { readOrCreateSync } from '@plumbline/storage';

/**
 * The deployment's keys, as files of the data directory's `keys` folder, and the data key of each attempt, which stands
 * in the database wrapped by the master key. Losing `master.key` loses every recording; destroying one wrapped key
 * erases one.
 */
export interface RecordingKeys {
  readonly signingKey: KeyObject;
  readonly publicKey: KeyObject;
  /** The attempt's data key; the first call makes it. Throws `conflict` for an erased recording. */
  dataKey(db: RecordingDatabase, attemptId: string): Promise<Buffer>;
  /** The attempt's data key, or why there is none: nothing was recorded, or it was erased. */
  findDataKey(db: RecordingDatabase, attemptId: string): Promise<Buffer | 'absent' | 'destroyed'>;
}

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Reads the keys of a folder; those that do not exist yet are made, once, even when several processes start together.
 * With `create: false` a folder without them is `not_found`: for who only reads, other keys would be of no use.
 */
export async function loadRecordingKeys(folder: string, { create = true } = {}): Promise<RecordingKeys> {
  if (!create) await access(join(folder, 'master.key')).catch(missingKeys);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const masterKey = readOrCreateSync(join(folder, 'master.key'), () => randomBytes(KEY_BYTES), 0o600);
  if (masterKey.length !== KEY_BYTES) {
    throw new AppError('internal', 'The master key is damaged: master.key must have 32 bytes. Restore it from a backup.');
  }
  const signingKey = createPrivateKey(readOrCreateSync(join(folder, 'signing.key'), newSigningKey, 0o600));
  const publicKey = createPublicKey(signingKey);
  readOrCreateSync(join(folder, 'signing.pub'), () => Buffer.from(publicKey.export({ type: 'spki', format: 'pem' })), 0o644);
  return {
    signingKey,
    publicKey,
    dataKey: (db, attemptId) => ensureDataKey(db, masterKey, attemptId),
    findDataKey: (db, attemptId) => findDataKey(db, masterKey, attemptId),
  };
}

function missingKeys(cause: unknown): never {
  throw new AppError('not_found', 'The data folder has no recording keys that can be read. Check PLUMBLINE_DATA_DIR, and who you are.', {
    cause,
  });
}

function newSigningKey(): Buffer {
  return Buffer.from(generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }));
}

/** AES-256-GCM under the master key, bound to the attempt's id. */
function wrapDataKey(masterKey: Buffer, attemptId: string, dataKey: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', masterKey, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(`plumbline/1 data key ${attemptId}`));
  return Buffer.concat([nonce, cipher.update(dataKey), cipher.final(), cipher.getAuthTag()]);
}

function unwrapDataKey(masterKey: Buffer, attemptId: string, wrapped: Buffer): Buffer {
  try {
    const tagAt = wrapped.length - TAG_BYTES;
    const decipher = createDecipheriv('aes-256-gcm', masterKey, wrapped.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(`plumbline/1 data key ${attemptId}`));
    decipher.setAuthTag(wrapped.subarray(tagAt));
    return Buffer.concat([decipher.update(wrapped.subarray(NONCE_BYTES, tagAt)), decipher.final()]);
  } catch (error) {
    throw new AppError(
      'internal',
      "The recording's key does not open with this deployment's master key. Restore the master.key that it was made with.",
      {
        cause: error,
      },
    );
  }
}

async function findDataKey(db: RecordingDatabase, masterKey: Buffer, attemptId: string): Promise<Buffer | 'absent' | 'destroyed'> {
  const wrapped = await readWrappedKey(db, attemptId);
  return typeof wrapped === 'string' ? wrapped : unwrapDataKey(masterKey, attemptId, wrapped);
}

async function ensureDataKey(db: RecordingDatabase, masterKey: Buffer, attemptId: string): Promise<Buffer> {
  let found = await findDataKey(db, masterKey, attemptId);
  if (found === 'absent') {
    await insertWrappedKey(db, attemptId, wrapDataKey(masterKey, attemptId, randomBytes(KEY_BYTES)));
    found = await findDataKey(db, masterKey, attemptId);
  }
  if (typeof found === 'string') throw new AppError('conflict', 'The recording of this attempt was erased, so nothing can be added to it.');
  return found;
}
