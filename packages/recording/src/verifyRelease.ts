import { createHash, type KeyObject } from 'node:crypto';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Problem, RecordingChain } from './chain.ts';
import { FormatError } from './formatError.ts';
import { type Manifest, readManifestText, signatureHolds } from './manifest.ts';
import { HASH_BYTES, leafHash, segmentRoot, treeTop } from './merkle.ts';
import type { SegmentProof } from './release.ts';
import { type ReleasedLine, recordedLine, releaseLine, type WithheldLine } from './releasedLine.ts';
import { readSegmentHeader, type SegmentHeader } from './segment.ts';
import { judgeTimestamp } from './timestampToken.ts';
import type { Verdict } from './verify.ts';
import { decompressFrame } from './zstd.ts';

/** The files of one released attempt. */
export interface ReleasedFiles {
  attemptId: string;
  events: string;
  proofs: string;
  manifest: string;
  signature: string;
  /** Of the manifest's time-stamp, which need not be there. */
  timestamp: string;
}

const SALT_BYTES = 16;

/** Checks a released recording against its proofs, and those against the signed manifest. Needs no key of the deployment's but the public one. */
export async function verifyRelease(files: ReleasedFiles, publicKey: KeyObject): Promise<Verdict> {
  const chain = new RecordingChain();
  const found = { withheld: 0 };
  let problem: Problem | null;
  try {
    problem = await walkRelease(chain, files, publicKey, found);
  } catch (error) {
    problem = problemOf(error, Math.max(1, chain.lastSeq));
  }
  const judged = await judge(files, problem, chain.lastSeq);
  const state = found.withheld > 0 ? 'redacted' : 'intact';
  return {
    attemptId: files.attemptId,
    verdict: judged.problem === null ? state : 'damaged',
    signed: judged.problem === null,
    segments: chain.segments,
    lastSeq: chain.lastSeq,
    withheld: found.withheld,
    ...judged,
  };
}

async function walkRelease(
  chain: RecordingChain,
  files: ReleasedFiles,
  publicKey: KeyObject,
  found: { withheld: number },
): Promise<Problem | null> {
  const { text, signed } = await readSigned(files, publicKey);
  const manifest = readManifestText(text);
  const events = await open(files.events, 'r');
  try {
    const damaged = await walkProofs(chain, files, events, signed ? manifest : null, found);
    return damaged ?? chain.compare(manifest, files.attemptId) ?? (signed ? null : badSignature(chain.lastSeq));
  } finally {
    await events.close();
  }
}

async function readSigned(
  files: Pick<ReleasedFiles, 'manifest' | 'signature'>,
  publicKey: KeyObject,
): Promise<{ text: string; signed: boolean }> {
  const text = await readFile(files.manifest, 'utf8');
  return { text, signed: signatureHolds(text, (await readFile(files.signature, 'utf8')).trim(), publicKey) };
}

/** What an error says about the release; rethrows what says nothing about it. */
function problemOf(error: unknown, lastSeq: number): Problem {
  const place = { segment: null, firstSeq: 1, lastSeq };
  if (error instanceof FormatError) return { kind: 'wrong_manifest', ...place, message: error.message };
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  return {
    kind: 'changed_file',
    ...place,
    message: `A file of the recording is missing: ${basename((error as NodeJS.ErrnoException).path ?? '')}.`,
  };
}

/** Checks what is left of an erased recording: a manifest that was signed. */
export async function verifyErasedRelease(
  files: Pick<ReleasedFiles, 'attemptId' | 'manifest' | 'signature' | 'timestamp'>,
  publicKey: KeyObject,
): Promise<Verdict> {
  const { attemptId } = files;
  let manifest: Manifest | null = null;
  let problem: Problem | null;
  try {
    const { text, signed } = await readSigned(files, publicKey);
    manifest = readManifestText(text);
    problem = signed ? null : badSignature(1);
    if (manifest.attempt !== attemptId) throw new FormatError(`The manifest is that of attempt ${manifest.attempt}.`);
  } catch (error) {
    problem = problemOf(error, 1);
  }
  const { segments = [], lastSeq = 0 } = manifest ?? {};
  const judged = await judge(files, problem, lastSeq);
  const verdict = judged.problem === null ? 'erased' : 'damaged';
  return { attemptId, verdict, signed: judged.problem === null, segments: segments.length, lastSeq, withheld: lastSeq, ...judged };
}

/** The time-stamp's part of a verdict, where nothing else is wrong. */
async function judge(
  files: Pick<ReleasedFiles, 'manifest' | 'timestamp'>,
  problem: Problem | null,
  lastSeq: number,
): Promise<Pick<Verdict, 'timestamp' | 'problem'>> {
  if (problem !== null) return { timestamp: null, problem };
  const token = await readFile(files.timestamp).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  return judgeTimestamp(await readFile(files.manifest, 'utf8'), token, lastSeq);
}

function badSignature(lastSeq: number): Problem {
  const message = 'The manifest is not signed by the given key, or was changed after it was signed.';
  return { kind: 'bad_signature', segment: null, firstSeq: 1, lastSeq: Math.max(1, lastSeq), message };
}

async function walkProofs(
  chain: RecordingChain,
  files: ReleasedFiles,
  events: FileHandle,
  signed: Manifest | null,
  found: { withheld: number },
): Promise<Problem | null> {
  const proofs = await open(files.proofs, 'r');
  let position = 0;
  try {
    for await (const line of proofs.readLines()) {
      // Until its header can be trusted, the signed manifest knows best where a damaged segment would have ended.
      let lastSeq = signed?.segments[chain.segments]?.lastSeq;
      try {
        const { proof, header } = readProof(line);
        lastSeq ??= header.firstSeq + header.lines - 1;
        const frame = await readExactly(events, position, proof.frameBytes);
        if (createHash('sha256').update(frame).digest('hex') !== proof.frameHash)
          throw new FormatError('its frame is not the one that was released.');
        position += proof.frameBytes;
        const problem = checkReleased(chain, proof, header, await releasedLines(frame), signed, lastSeq, found);
        if (problem !== null) return problem;
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        return chain.problem('changed_content', `Segment ${chain.segments + 1}: ${error.message}`, lastSeq);
      }
    }
  } finally {
    await proofs.close();
  }
  const rest = (await events.stat()).size - position;
  if (rest !== 0) return chain.problem('changed_content', `The events file has ${rest} bytes that no proof covers.`);
  return null;
}

function readProof(line: string): { proof: SegmentProof; header: SegmentHeader } {
  let proof: SegmentProof;
  let header: unknown;
  try {
    proof = JSON.parse(line) as SegmentProof;
    header = JSON.parse(proof.header);
  } catch (error) {
    throw new FormatError('The proof is not JSON.', { cause: error });
  }
  const fits =
    typeof header === 'object' &&
    header !== null &&
    typeof proof.root === 'string' &&
    Number.isSafeInteger(proof.frameBytes) &&
    Array.isArray(proof.proofs);
  if (!fits || proof.frameBytes < 0 || !proof.proofs.every((item) => typeof item === 'string'))
    throw new FormatError('The proof has another shape.');
  return { proof, header: readSegmentHeader(header as Record<string, unknown>) };
}

async function readExactly(file: FileHandle, position: number, length: number): Promise<Buffer> {
  if (position + length > (await file.stat()).size) throw new FormatError('The events file ends before its frame does.');
  const frame = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await file.read(frame, read, length - read, position + read);
    if (bytesRead === 0) throw new FormatError('The events file ends before its frame does.');
    read += bytesRead;
  }
  return frame;
}

async function releasedLines(frame: Buffer): Promise<string[]> {
  const text = (await decompressFrame(frame)).toString('utf8');
  if (!text.endsWith('\n')) throw new FormatError('The last event has no end.');
  return text.slice(0, -1).split('\n');
}

function parseReleased(text: string): ReleasedLine | WithheldLine {
  try {
    return JSON.parse(text) as ReleasedLine | WithheldLine;
  } catch (error) {
    throw new FormatError('An event is not JSON.', { cause: error });
  }
}

function checkReleased(
  chain: RecordingChain,
  proof: SegmentProof,
  header: SegmentHeader,
  lines: string[],
  signed: Manifest | null,
  lastSeq: number,
  found: { withheld: number },
): Problem | null {
  const n = chain.segments + 1;
  if (lines.length !== header.lines || proof.proofs.length !== header.lines) {
    return chain.problem(
      'wrong_count',
      `Segment ${n} has ${lines.length} events, ${proof.proofs.length} proofs, and ${header.lines} lines by its header.`,
      lastSeq,
    );
  }
  const texts: (string | null)[] = [];
  const leaves = lines.map((line, i) => {
    const seq = header.firstSeq + i;
    const given = Buffer.from(proof.proofs[i] as string, 'base64');
    if (given.toString('base64') !== proof.proofs[i]) throw new FormatError('A proof is not base64.');
    const event = parseReleased(line);
    if ('withheld' in event) {
      if (given.length !== HASH_BYTES || line !== JSON.stringify({ seq, withheld: true }))
        throw new FormatError(`Event ${seq} is no withheld one.`);
      found.withheld++;
      texts.push(null);
      return given;
    }
    const text = recordedLine(event, header.baseMs);
    // The event must say what its line says and no more, so that nothing can be put beside what was hashed.
    const isSame = JSON.stringify(releaseLine(text, header.baseMs, seq)) === line;
    if (given.length !== SALT_BYTES || !isSame) throw new FormatError(`Event ${seq} is not as a release shows it.`);
    texts.push(text);
    return leafHash(given, text);
  });
  const root = segmentRoot(proof.header, treeTop(leaves));
  const signedRoot = signed?.segments[n - 1]?.root;
  if (root !== proof.root || (signedRoot !== undefined && root !== signedRoot)) {
    return chain.problem(
      'changed_content',
      `Segment ${n} does not give the root that was signed: an event, its proof or its header was changed.`,
      lastSeq,
    );
  }
  return chain.accept(header, root, (index) => texts[index] ?? null);
}
