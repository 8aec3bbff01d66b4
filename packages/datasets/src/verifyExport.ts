import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { AppError } from '@plumbline/core';
import { keyFingerprint, type Verdict, verifyErasedRelease, verifyRelease } from '@plumbline/recording';
import { SUMS_FILE } from './releaseFolder.ts';

export interface ExportVerdict {
  /** Fingerprint of the key that the signatures were checked with. */
  signer: string;
  attempts: Verdict[];
  /** Attempts in the tables without a signed recording. */
  unrecorded: string[];
  /** Files that are not as `SHA256SUMS` says. */
  files: { path: string; problem: 'changed' | 'missing' | 'unlisted' }[];
}

/** Checks a folder that `exportAttempts` wrote. Without `publicKey` the folder's own is believed. Throws `invalid_input` for another folder. */
export async function verifyExport(dir: string, publicKey?: KeyObject): Promise<ExportVerdict> {
  const key = publicKey ?? createPublicKey(await readPart(dir, 'manifests/signing.pub'));
  const attempts: Verdict[] = [];
  const unrecorded: string[] = [];
  for (const { attempt, recording } of await readAttempts(dir)) {
    const files = {
      attemptId: attempt,
      events: join(dir, 'events', `${attempt}.jsonl.zst`),
      proofs: join(dir, 'proofs', `${attempt}.jsonl`),
      manifest: join(dir, 'manifests', `${attempt}.json`),
      signature: join(dir, 'manifests', `${attempt}.sig`),
      timestamp: join(dir, 'manifests', `${attempt}.tst`),
    };
    if (recording === 'released') attempts.push(await verifyRelease(files, key));
    else if (recording === 'erased') attempts.push(await verifyErasedRelease(files, key));
    else unrecorded.push(attempt);
  }
  return { signer: keyFingerprint(key), attempts, unrecorded, files: await checkSums(dir) };
}

async function readPart(dir: string, path: string): Promise<string> {
  try {
    return await readFile(join(dir, path), 'utf8');
  } catch (error) {
    throw new AppError('invalid_input', `The folder is no whole export: ${path} cannot be read.`, { cause: error });
  }
}

async function readAttempts(dir: string): Promise<{ attempt: string; recording: string }[]> {
  const text = await readPart(dir, 'attempts.jsonl');
  try {
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const { attempt, recording } = JSON.parse(line) as { attempt?: unknown; recording?: unknown };
        // The id becomes part of a path.
        if (typeof attempt !== 'string' || !/^[0-9a-f-]{36}$/.test(attempt)) throw new TypeError('no attempt');
        return { attempt, recording: String(recording) };
      });
  } catch (error) {
    throw new AppError('invalid_input', 'The folder is no whole export: attempts.jsonl has a row that is none.', { cause: error });
  }
}

async function checkSums(dir: string): Promise<ExportVerdict['files']> {
  const listed = new Map<string, string>();
  for (const line of (await readPart(dir, SUMS_FILE)).split('\n')) {
    const match = /^([0-9a-f]{64}) {2}(.+)$/.exec(line);
    if (match !== null) listed.set(match[2] as string, match[1] as string);
    else if (line !== '') throw new AppError('invalid_input', `The folder is no whole export: ${SUMS_FILE} has a line that is none.`);
  }
  const problems: ExportVerdict['files'] = [];
  const present = new Set(await filesBelow(dir));
  present.delete(SUMS_FILE);
  for (const [path, sum] of listed) {
    // Only what was found below the folder is opened, whatever the list says.
    if (!present.has(path)) problems.push({ path, problem: 'missing' });
    else if ((await sumOf(join(dir, path))) !== sum) problems.push({ path, problem: 'changed' });
  }
  for (const path of present) if (!listed.has(path)) problems.push({ path, problem: 'unlisted' });
  return problems.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function filesBelow(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(dir, join(entry.parentPath, entry.name)).split(sep).join('/'));
}

async function sumOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}
