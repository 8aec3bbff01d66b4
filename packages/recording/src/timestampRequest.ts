import { createHash, randomBytes } from 'node:crypto';
import { contentsOf, DER, membersOf, readDer, writeDer, writeObjectId } from './der.ts';
import { FormatError } from './formatError.ts';
import { checkTimestamp, SHA256_OID, type Timestamp } from './timestampToken.ts';

/** One question to a time-stamping authority (RFC 3161, over HTTP), which learns the manifest's hash alone. */
export interface TimestampRequest {
  /** The request's body, of the type `application/timestamp-query`. */
  der: Buffer<ArrayBuffer>;
  /** Reads the answer's body, and gives the token in it. Throws `FormatError` for a refusal, and for a token that does not hold. */
  read(reply: Uint8Array): { token: Buffer; timestamp: Timestamp };
}

const NONCE_BYTES = 8;

export function timestampRequest(manifest: string): TimestampRequest {
  const nonce = randomBytes(NONCE_BYTES);
  // Positive, and no shorter than it is.
  nonce[0] = 0x40 | ((nonce[0] as number) & 0x3f);
  const algorithm = writeDer(DER.sequence, writeObjectId(SHA256_OID), writeDer(DER.null));
  const imprint = writeDer(DER.sequence, algorithm, writeDer(DER.octets, createHash('sha256').update(manifest, 'utf8').digest()));
  const version = writeDer(DER.integer, Buffer.from([1]));
  // The certificate comes along, so that the token can be checked by itself.
  const wantsCertificate = writeDer(DER.boolean, Buffer.from([0xff]));
  return {
    der: writeDer(DER.sequence, version, imprint, writeDer(DER.integer, nonce), wantsCertificate),
    read: (reply) => {
      const token = tokenOf(reply);
      return { token, timestamp: checkTimestamp(token, manifest, nonce) };
    },
  };
}

/** The token of an answer in which the authority granted one. */
function tokenOf(reply: Uint8Array): Buffer {
  const [state, token] = membersOf(readDer(reply));
  const [status, words] = membersOf(state);
  // 0 is granted, 1 granted with changes.
  if ((contentsOf(status, DER.integer)[0] ?? 2) > 1 || token === undefined) {
    const text = words?.tag === DER.sequence ? membersOf(words).map(({ contents }) => contents.toString('utf8')) : [];
    throw new FormatError(`The authority gave no time-stamp. ${text.join(' ')}`.trimEnd().slice(0, 500));
  }
  return Buffer.from(token.encoded);
}
