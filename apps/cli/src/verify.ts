import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { AppError } from '@plumbline/core';
import { type ExportVerdict, isWholeExport, verifyExport } from '@plumbline/datasets';
import { keyFingerprint, type Verdict, verifyRecording } from '@plumbline/recording';
import type { Command } from 'commander';
import { EXIT } from './exit.ts';
import { isoTime, print, printJson } from './output.ts';
import { withPlatform } from './platform.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function addVerify(program: Command): void {
  program
    .command('verify')
    .description('check a recording byte for byte: of an attempt, or of a folder that "export" wrote')
    .argument('<attempt-or-dir>', 'id of an attempt, or path of an export')
    .option('--key <file>', "for a folder: the signing key's public half (PEM) to check with, instead of the folder's own")
    .option(
      '--allow-unsigned',
      'for a folder: accept one without SHA256SUMS.sig, as they were written before; its rows and casts prove nothing',
    )
    .option('--json', 'print the verdict as JSON')
    .addHelpText(
      'after',
      '\nExits with 0 for intact, redacted or erased recordings, with 1 for damaged ones and for an export that is not signed, with 2 when it could not look.',
    )
    .action(async (target: string, options: FolderOptions & { json?: boolean }) => {
      if (await isFolder(target)) await verifyFolder(target, options);
      else if (UUID.test(target)) await verifyAttempt(target.toLowerCase(), options.json === true);
      else throw new AppError('invalid_input', `${target} is neither a folder nor the id of an attempt.`);
    });
}

interface FolderOptions {
  key?: string;
  allowUnsigned?: boolean;
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function verifyAttempt(attemptId: string, json: boolean): Promise<void> {
  const { verdict, signer } = await withPlatform(async ({ db, store, keys: loadKeys }) => {
    const keys = await loadKeys();
    return { verdict: await verifyRecording({ db, store, keys, attemptId }), signer: keyFingerprint(keys.publicKey) };
  });
  if (json) printJson({ signer, ...verdict });
  else {
    print(verdictText(verdict, signer));
    printOwnAuthority([verdict]);
  }
  if (verdict.problem !== null) process.exitCode = EXIT.no;
}

async function verifyFolder(dir: string, options: FolderOptions & { json?: boolean }): Promise<void> {
  const key = options.key === undefined ? undefined : await readPublicKey(options.key);
  const verdict = await verifyExport(dir, key);
  if (options.json === true) printJson(verdict);
  else printExport(verdict, key === undefined);
  if (!isWholeExport(verdict, options)) process.exitCode = EXIT.no;
}

async function readPublicKey(path: string): Promise<KeyObject> {
  try {
    return createPublicKey(await readFile(path));
  } catch (error) {
    throw new AppError('invalid_input', `${path} holds no public key in PEM form.`, { cause: error });
  }
}

const FILE_WORDS: Record<ExportVerdict['files'][number]['problem'], string> = {
  changed: 'changed',
  missing: 'missing',
  unlisted: 'not in SHA256SUMS',
  contradicted: 'there, though attempts.jsonl says that this attempt has no such file',
};

const SUMS_WORDS: Record<ExportVerdict['sums'], string> = {
  signed: 'SHA256SUMS is signed.',
  unsigned: 'SHA256SUMS is not signed: rows and casts may be others, and so may what they say of a recording.',
  bad_signature: 'SHA256SUMS is not signed by the given key, or was changed after it was signed.',
};

function printExport({ signer, attempts, unrecorded, sums, files }: ExportVerdict, ownKey: boolean): void {
  for (const verdict of attempts) print(verdictText(verdict, signer));
  for (const attempt of unrecorded) print(`${attempt}: no signed recording`);
  for (const { path, problem } of files) print(`${path}: ${FILE_WORDS[problem]}`);
  if (files.length === 0) print('SHA256SUMS agrees with every file.');
  printOwnAuthority(attempts);
  print(SUMS_WORDS[sums]);
  if (ownKey) print("Checked with the folder's own key. Compare its fingerprint with one that you have from elsewhere, or give --key.");
}

function printOwnAuthority(verdicts: readonly Verdict[]): void {
  if (verdicts.every(({ timestamp }) => timestamp === null)) return;
  print(
    "A time-stamp names its authority itself. Check it with the authority's own certificates: openssl ts -verify, see docs/recording-format.md.",
  );
}

function verdictText({ attemptId, verdict, signed, timestamp, segments, lastSeq, withheld, problem }: Verdict, signer: string): string {
  if (problem !== null) {
    const where = problem.segment === null ? '' : ` in segment ${problem.segment}, events ${problem.firstSeq} to ${problem.lastSeq}`;
    return `${attemptId}: damaged${where} (${problem.kind}). ${problem.message}`;
  }
  const counts = `${lastSeq} events in ${segments} segments${withheld > 0 && verdict === 'redacted' ? `, ${withheld} of them withheld` : ''}`;
  const stamp = timestamp === null ? '' : `, time-stamped by ${timestamp.authority} at ${isoTime(timestamp.atMs)}`;
  return `${attemptId}: ${verdict}. ${counts}, ${signed ? `signed by ${signer}` : 'not signed yet'}${stamp}.`;
}
