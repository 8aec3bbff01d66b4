import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { FormatError } from './formatError.ts';

/**
 * Sealing with an attempt's data key: AES-256-GCM whose nonce is an HMAC of label and content, so that sealing the same
 * thing again gives the same object, and no counter has to survive a crash. Layout: nonce (12), ciphertext, tag (16).
 */

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/** A key for one purpose, derived from the attempt's data key (HKDF-SHA-256, no salt, `info` = purpose). */
export function deriveKey(dataKey: Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', dataKey, Buffer.alloc(0), purpose, KEY_BYTES));
}

/** The keys that one attempt's recording is written with. Derive once, use for many objects: of bytes Node would make a key each time. */
export interface SealingKeys {
  encryption: KeyObject;
  nonce: KeyObject;
  salt: KeyObject;
}

export function sealingKeys(dataKey: Uint8Array): SealingKeys {
  const keyFor = (purpose: string) => createSecretKey(deriveKey(dataKey, purpose));
  return { encryption: keyFor('plumbline/1 encryption'), nonce: keyFor('plumbline/1 nonce'), salt: keyFor('plumbline/1 salt') };
}

/** Encrypts `content` under `label`, which says what it is and where it belongs; it opens under that label only. */
export function sealBytes(keys: SealingKeys, label: string, content: Uint8Array): Buffer {
  const aad = Buffer.from(label, 'utf8');
  const nonce = createHmac('sha256', keys.nonce).update(lengthOf(aad)).update(aad).update(content).digest().subarray(0, NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keys.encryption, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(aad);
  return Buffer.concat([nonce, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

/** The reverse of `sealBytes`. Throws `FormatError` where one bit of object, label or key is another one. */
export function openBytes(keys: SealingKeys, label: string, sealed: Uint8Array): Buffer {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) throw new FormatError('A sealed object is too short.');
  const tagAt = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', keys.encryption, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(label, 'utf8'));
  decipher.setAuthTag(sealed.subarray(tagAt));
  try {
    const content = decipher.update(sealed.subarray(NONCE_BYTES, tagAt));
    // A stream cipher has given out everything by now: this checks the tag.
    decipher.final();
    return content;
  } catch (error) {
    throw new FormatError('A sealed object was changed, or belongs elsewhere.', { cause: error });
  }
}

/** Four bytes, so that no label can run into the content behind it. */
function lengthOf(bytes: Uint8Array): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(bytes.length);
  return out;
}
