import { createHash, verify, X509Certificate } from 'node:crypto';
import type { Problem } from './chain.ts';
import { contentsOf, DER, type DerValue, membersOf, numbered, objectIdText, readDer } from './der.ts';
import { FormatError } from './formatError.ts';

/**
 * What an outside authority signed of a manifest: that it knew the text at a time (RFC 3161). The certificate is taken from the token
 * itself and only what it says is checked: whether to trust it is asked with the authority's own certificates, by `openssl ts -verify`.
 */
export interface Timestamp {
  /** Whose certificate the token was signed with, as the certificate says. */
  authority: string;
  atMs: number;
}

const OID = {
  signedData: '1.2.840.113549.1.7.2',
  timestampInfo: '1.2.840.113549.1.9.16.1.4',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingCertificate: '1.2.840.113549.1.9.16.2.12',
  signingCertificate2: '1.2.840.113549.1.9.16.2.47',
  timeStamping: '1.3.6.1.5.5.7.3.8',
} as const;

export const SHA256_OID = '2.16.840.1.101.3.4.2.1';

const HASHES: Readonly<Record<string, string>> = {
  [SHA256_OID]: 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

/** The hash of a signature; null where it is the one that the token's content was hashed with. */
const SIGNATURES: Readonly<Record<string, string | null>> = {
  '1.2.840.113549.1.1.1': null,
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.2.1': null,
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
};

/**
 * Reads a token and checks that it is one for `text`, signed with the certificate in it, which was valid then and is one for time-stamps.
 * `nonce`: the one that was asked with, without a sign; none where the token was kept. Throws `FormatError`, which says what is wrong.
 */
export function checkTimestamp(token: Uint8Array, text: string, nonce?: Uint8Array): Timestamp {
  try {
    return check(token, text, nonce);
  } catch (error) {
    if (error instanceof FormatError) throw new FormatError(`The time-stamp does not hold. ${error.message}`, { cause: error });
    throw new FormatError('The time-stamp does not hold. It cannot be read.', { cause: error });
  }
}

/** What a kept token says of a manifest's text, or what is wrong with it; neither where there is no token. */
export function judgeTimestamp(
  text: string,
  token: Uint8Array | null,
  lastSeq: number,
): { timestamp: Timestamp | null; problem: Problem | null } {
  if (token === null) return { timestamp: null, problem: null };
  try {
    return { timestamp: checkTimestamp(token, text), problem: null };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const problem: Problem = { kind: 'bad_timestamp', segment: null, firstSeq: 1, lastSeq: Math.max(1, lastSeq), message: error.message };
    return { timestamp: null, problem };
  }
}

function check(token: Uint8Array, text: string, nonce: Uint8Array | undefined): Timestamp {
  const [type, wrapped] = membersOf(readDer(token));
  if (oidOf(type) !== OID.signedData) throw new FormatError('It is not signed data.');
  const signedData = membersOf(membersOf(wrapped, numbered(0))[0]);
  const [contentType, content] = membersOf(signedData[2]);
  if (oidOf(contentType) !== OID.timestampInfo) throw new FormatError('What is signed is no time-stamp.');
  const info = contentsOf(membersOf(content, numbered(0))[0], DER.octets);
  const atMs = checkInfo(info, text, nonce);
  const certificate = checkSigner(signedData, info);
  if (!certificate.keyUsage?.includes(OID.timeStamping)) throw new FormatError('Its certificate is not one for time-stamps.');
  if (atMs < Date.parse(certificate.validFrom) || atMs > Date.parse(certificate.validTo))
    throw new FormatError('Its certificate was not valid at its time.');
  return { authority: certificate.subject.split('\n').join(', '), atMs };
}

/** When it was given. */
function checkInfo(info: Buffer, text: string, nonce: Uint8Array | undefined): number {
  const [, , imprint, , time, ...optional] = membersOf(readDer(info));
  const [algorithm, hashed] = membersOf(imprint);
  const isOfText =
    oidOf(membersOf(algorithm)[0]) === SHA256_OID &&
    contentsOf(hashed, DER.octets).equals(createHash('sha256').update(text, 'utf8').digest());
  if (!isOfText) throw new FormatError('It is one for another manifest.');
  if (nonce !== undefined) {
    const answered = optional.find(({ tag }) => tag === DER.integer);
    if (answered === undefined || !answered.contents.equals(nonce)) throw new FormatError('It is the answer to another request.');
  }
  return readTime(contentsOf(time, DER.time).toString('latin1'));
}

function readTime(text: string): number {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d+)?Z$/.exec(text);
  const [, year, month, day, hour, minute, second, fraction = ''] = parts ?? [];
  const atMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${fraction.slice(0, 4)}Z`);
  if (Number.isNaN(atMs)) throw new FormatError('Its time cannot be read.');
  return atMs;
}

/** The certificate with which the one signer signed this content. */
function checkSigner(signedData: DerValue[], info: Buffer): X509Certificate {
  const [signer, another] = membersOf(signedData.at(-1), DER.set);
  if (signer === undefined || another !== undefined) throw new FormatError('It has not one signer.');
  const [, , digestAlgorithm, attributes, signatureAlgorithm, signature] = membersOf(signer);
  const hash = HASHES[oidOf(membersOf(digestAlgorithm)[0])];
  const signatureOid = oidOf(membersOf(signatureAlgorithm)[0]);
  if (hash === undefined || !Object.hasOwn(SIGNATURES, signatureOid))
    throw new FormatError(`It is signed in an unknown way, ${signatureOid}.`);
  const named = new Map(
    membersOf(attributes, numbered(0)).map((attribute) => {
      const [name, values] = membersOf(attribute);
      return [oidOf(name), membersOf(values, DER.set)[0]] as const;
    }),
  );
  if (oidOf(named.get(OID.contentType)) !== OID.timestampInfo) throw new FormatError('What is signed is no time-stamp.');
  if (!contentsOf(named.get(OID.messageDigest), DER.octets).equals(createHash(hash).update(info).digest()))
    throw new FormatError('What it says is not what was signed.');
  const certificate = certificateOf(signedData, named);
  // They are signed as the set that they are, and stand under a number.
  const signed = Buffer.from((attributes as DerValue).encoded);
  signed[0] = DER.set;
  if (!verify(SIGNATURES[signatureOid] ?? hash, signed, certificate.publicKey, contentsOf(signature, DER.octets)))
    throw new FormatError('Its signature is wrong.');
  return certificate;
}

/** The certificate that the signature itself names by its hash: no other can be put in its place. */
function certificateOf(signedData: DerValue[], named: ReadonlyMap<string, DerValue | undefined>): X509Certificate {
  const newer = named.get(OID.signingCertificate2);
  const reference = membersOf(membersOf(membersOf(newer ?? named.get(OID.signingCertificate))[0])[0]);
  const given = newer !== undefined && reference[0]?.tag === DER.sequence ? HASHES[oidOf(membersOf(reference.shift())[0])] : 'sha256';
  const hash = newer === undefined ? 'sha1' : given;
  const wanted = contentsOf(reference[0], DER.octets);
  const certificates = signedData.find(({ tag }) => tag === numbered(0));
  for (const { encoded } of certificates === undefined ? [] : membersOf(certificates, numbered(0))) {
    if (hash !== undefined && createHash(hash).update(encoded).digest().equals(wanted)) return new X509Certificate(encoded);
  }
  throw new FormatError('It does not have the certificate that it was signed with.');
}

function oidOf(value: DerValue | undefined): string {
  return objectIdText(contentsOf(value, DER.objectId));
}
