import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { AppError } from '@plumbline/core';
import { keyFingerprint, signatureHolds, type Verdict, verifyErasedRelease, verifyRelease } from '@plumbline/recording';
import { SUMS_FILE, SUMS_SIGNATURE_FILE } from './releaseFolder.ts';
import type { RecordingSummary } from './rows.ts';

export interface ExportVerdict {
  /** Fingerprint of the key that the signatures were checked with. */
  signer: string;
  attempts: Verdict[];
  /** Attempts in the tables without a signed recording. */
  unrecorded: string[];
  /** Whether the key signed `SHA256SUMS`, and with it the tables and casts. Exports from before it was signed are `unsigned`. */
  sums: 'signed' | 'unsigned' | 'bad_signature';
  /** Files that are not as `SHA256SUMS` says; `contradicted`: the row of their attempt says that there is no such file. */
  files: { path: string; problem: 'changed' | 'missing' | 'unlisted' | 'contradicted' }[];
}

type RecordingState = RecordingSummary['state'];

/** The folders in which an attempt has files, by what its row says of its recording. */
const FOLDERS_OF: Record<RecordingState, readonly string[]> = {
  released: ['events', 'proofs', 'manifests', 'casts'],
  erased: ['manifests'],
  unfinished: [],
  none: [],
};

/** Whether everything holds. Without a signature of the sums any row may be another, so `allowUnsigned` must be asked for. */
export function isWholeExport({ attempts, sums, files }: ExportVerdict, { allowUnsigned = false } = {}): boolean {
  const isSigned = sums === 'signed' || (sums === 'unsigned' && allowUnsigned);
  return isSigned && files.length === 0 && attempts.every(({ problem }) => problem === null);
}

/** Checks a folder that `exportAttempts` wrote. Without `publicKey` the folder's own is believed. Throws `invalid_input` for another folder. */
export async function verifyExport(dir: string, publicKey?: KeyObject): Promise<ExportVerdict> {
  const key = publicKey ?? createPublicKey(await readPart(dir, 'manifests/signing.pub'));
  const attempts: Verdict[] = [];
  const unrecorded: string[] = [];
  const rows = await readAttempts(dir);
  for (const [attempt, recording] of rows) {
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
  return { signer: keyFingerprint(key), attempts, unrecorded, sums: await checkSignature(dir, key), files: await checkFiles(dir, rows) };
}

async function readPart(dir: string, path: string): Promise<string> {
  try {
    return await readFile(join(dir, path), 'utf8');
  } catch (error) {
    throw new AppError('invalid_input', `The folder is no whole export: ${path} cannot be read.`, { cause: error });
  }
}

async function readAttempts(dir: string): Promise<Map<string, RecordingState>> {
  const text = await readPart(dir, 'attempts.jsonl');
  try {
    const rows = text
      .split('\n')
      .filter((line) => line !== '')
      .map((line): [string, RecordingState] => {
        const { attempt, recording } = JSON.parse(line) as { attempt?: unknown; recording?: unknown };
        // The id becomes part of a path.
        if (typeof attempt !== 'string' || !/^[0-9a-f-]{36}$/.test(attempt)) throw new TypeError('no attempt');
        if (typeof recording !== 'string' || !Object.hasOwn(FOLDERS_OF, recording)) throw new TypeError('no state of a recording');
        return [attempt, recording as RecordingState];
      });
    return new Map(rows);
  } catch (error) {
    throw new AppError('invalid_input', 'The folder is no whole export: attempts.jsonl has a row that is none.', { cause: error });
  }
}

async function checkSignature(dir: string, key: KeyObject): Promise<ExportVerdict['sums']> {
  let signature: string;
  try {
    signature = await readFile(join(dir, SUMS_SIGNATURE_FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'unsigned';
    throw error;
  }
  return signatureHolds(await readPart(dir, SUMS_FILE), signature.trim(), key) ? 'signed' : 'bad_signature';
}

async function checkFiles(dir: string, rows: ReadonlyMap<string, RecordingState>): Promise<ExportVerdict['files']> {
  const listed = new Map<string, string>();
  for (const line of (await readPart(dir, SUMS_FILE)).split('\n')) {
    const match = /^([0-9a-f]{64}) {2}(.+)$/.exec(line);
    if (match !== null) listed.set(match[2] as string, match[1] as string);
    else if (line !== '') throw new AppError('invalid_input', `The folder is no whole export: ${SUMS_FILE} has a line that is none.`);
  }
  const problems: ExportVerdict['files'] = [];
  const { files: present, others } = await filesBelow(dir);
  present.delete(SUMS_FILE);
  present.delete(SUMS_SIGNATURE_FILE);
  for (const [path, sum] of listed) {
    // Only what was found below the folder is opened, whatever the list says.
    if (!present.has(path)) problems.push({ path, problem: 'missing' });
    else if ((await sumOf(join(dir, path))) !== sum) problems.push({ path, problem: 'changed' });
  }
  // Whoever reads the export might follow it to anywhere. No list can speak for it, nor for the signature's own file.
  for (const path of others) if (!listed.has(path)) problems.push({ path, problem: 'unlisted' });
  for (const path of present) {
    if (!listed.has(path)) problems.push({ path, problem: 'unlisted' });
    else if (isContradicted(path, rows)) problems.push({ path, problem: 'contradicted' });
  }
  return problems.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Whether a file belongs to a recording that its attempt's row says is not there, which nobody would look at. */
function isContradicted(path: string, rows: ReadonlyMap<string, RecordingState>): boolean {
  const [folder = '', name] = path.split('/');
  if (!FOLDERS_OF.released.includes(folder) || name === undefined || path === 'manifests/signing.pub') return false;
  const state = rows.get(name.slice(0, 36));
  return state === undefined || !FOLDERS_OF[state].includes(folder);
}

/** What lies below a folder and is none: files, and links and the like, which are not followed. */
async function filesBelow(dir: string): Promise<{ files: Set<string>; others: string[] }> {
  const entries = (await readdir(dir, { recursive: true, withFileTypes: true })).filter((entry) => !entry.isDirectory());
  const pathOf = (entry: (typeof entries)[number]) => relative(dir, join(entry.parentPath, entry.name)).split(sep).join('/');
  return {
    files: new Set(entries.filter((entry) => entry.isFile()).map(pathOf)),
    others: entries.filter((entry) => !entry.isFile()).map(pathOf),
  };
}

async function sumOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}
