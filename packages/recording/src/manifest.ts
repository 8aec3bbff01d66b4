import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { canonicalJson } from './canonicalJson.ts';
import { FORMAT } from './codec.ts';
import { FormatError } from './formatError.ts';

/** What is signed when a recording is finished: its shape, the root of every segment, and how far each source was heard. */
export interface Manifest {
  format: string;
  attempt: string;
  lastSeq: number;
  segments: { firstSeq: number; lastSeq: number; root: string }[];
  /** The last segment's root; null for a recording without events. */
  root: string | null;
  sources: Record<string, number>;
  /** SHA-256 of the signing key's public half (SPKI, DER): which key to ask for. */
  signer: string;
  signedAtMs: number;
}

/** The text to sign and keep, character for character. */
export function manifestText(manifest: Omit<Manifest, 'format'>): string {
  return canonicalJson({ format: FORMAT, ...manifest });
}

/** Ed25519 over the text's UTF-8 bytes, in base64. */
export function signText(text: string, signingKey: KeyObject): string {
  return sign(null, Buffer.from(text, 'utf8'), signingKey).toString('base64');
}

export function signatureHolds(text: string, signature: string, publicKey: KeyObject): boolean {
  return verify(null, Buffer.from(text, 'utf8'), publicKey, Buffer.from(signature, 'base64'));
}

/** SHA-256 of a public key (SPKI, DER) in hexadecimal. */
export function keyFingerprint(key: KeyObject): string {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** Reads a manifest's text. Throws `FormatError` where it is none of this format. */
export function readManifestText(text: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new FormatError('The manifest is not JSON.', { cause: error });
  }
  const manifest = value as Manifest;
  const fits =
    typeof manifest === 'object' &&
    manifest !== null &&
    manifest.format === FORMAT &&
    typeof manifest.attempt === 'string' &&
    Number.isSafeInteger(manifest.lastSeq) &&
    Array.isArray(manifest.segments) &&
    typeof manifest.sources === 'object' &&
    manifest.sources !== null;
  if (!fits) throw new FormatError(`The manifest is not one of ${FORMAT}.`);
  return manifest;
}
