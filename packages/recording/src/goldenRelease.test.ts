import { spawnSync } from 'node:child_process';
import { createHash, createPublicKey } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdCompressSync } from 'node:zlib';
import { temporaryFolder } from '@plumbline/testing';
import { expect, it } from 'vitest';
import { sealingKeys } from './encryption.ts';
import { goldenRecording } from './goldenRecording.fixture.ts';
import { signText } from './manifest.ts';
import { lineSalt, segmentSaltKey } from './merkle.ts';
import { releaseLine } from './releasedLine.ts';
import { verifyRelease } from './verifyRelease.ts';

const GOLDEN = new URL('../fixtures/plumbline-recording-1.json', import.meta.url);
const PROGRAM = fileURLToPath(new URL('../../../docs/verify_recording.py', import.meta.url));

it('the golden recording, released with nothing withheld, is intact to both verifiers', async () => {
  const golden = JSON.parse(await readFile(GOLDEN, 'utf8')) as Record<
    'attempt' | 'dataKey' | 'manifest' | 'signature' | 'publicKey',
    string
  > & {
    segments: { header: string; lines: string[]; root: string }[];
  };
  const { salt } = sealingKeys(Buffer.from(golden.dataKey, 'hex'));
  const { signingKey } = await goldenRecording();
  const plain: string[] = [];
  const frames: Buffer[] = [];
  const proofs: string[] = [];
  for (const [i, { header, lines, root }] of golden.segments.entries()) {
    const { baseMs, firstSeq } = JSON.parse(header) as { baseMs: number; firstSeq: number };
    const text = lines.map((line, at) => `${JSON.stringify(releaseLine(line, baseMs, firstSeq + at))}\n`).join('');
    const frame = zstdCompressSync(Buffer.from(text));
    const saltKey = segmentSaltKey(salt, golden.attempt, i + 1);
    const salts = lines.map((_, at) => lineSalt(saltKey, at).toString('base64'));
    const frameHash = createHash('sha256').update(frame).digest('hex');
    plain.push(text);
    frames.push(frame);
    proofs.push(`${JSON.stringify({ header, root, frameBytes: frame.length, frameHash, proofs: salts })}\n`);
  }
  const content = {
    'attempts.jsonl': `${JSON.stringify({ attempt: golden.attempt, recording: 'released' })}\n`,
    [`events/${golden.attempt}.jsonl.zst`]: Buffer.concat(frames),
    [`manifests/${golden.attempt}.json`]: golden.manifest,
    [`manifests/${golden.attempt}.sig`]: golden.signature,
    'manifests/signing.pub': golden.publicKey,
    [`proofs/${golden.attempt}.jsonl`]: proofs.join(''),
  };
  const sums = Object.entries(content).map(([path, bytes]) => `${createHash('sha256').update(bytes).digest('hex')}  ${path}\n`);
  const folder = await temporaryFolder();
  try {
    for (const kind of ['events', 'manifests', 'proofs']) await mkdir(join(folder.path, kind));
    const signed = { SHA256SUMS: sums.join(''), 'SHA256SUMS.sig': signText(sums.join(''), signingKey) };
    for (const [path, bytes] of Object.entries({ ...content, ...signed })) await writeFile(join(folder.path, path), bytes);
    // For a machine whose Python and whose programs know no zstd.
    await writeFile(join(folder.path, 'events', `${golden.attempt}.jsonl`), plain.join(''));
    const place = (path: string) => join(folder.path, path);
    const verdict = await verifyRelease(
      {
        attemptId: golden.attempt,
        events: place(`events/${golden.attempt}.jsonl.zst`),
        proofs: place(`proofs/${golden.attempt}.jsonl`),
        manifest: place(`manifests/${golden.attempt}.json`),
        signature: place(`manifests/${golden.attempt}.sig`),
        timestamp: place(`manifests/${golden.attempt}.tst`),
      },
      createPublicKey(golden.publicKey),
    );
    expect(verdict).toMatchObject({ verdict: 'intact', withheld: 0, problem: null });
    const { status, stdout, stderr } = spawnSync('python3', [PROGRAM, folder.path], { encoding: 'utf8' });
    expect({ status, stderr, lines: stdout.trimEnd().split('\n') }).toEqual({
      status: 0,
      stderr: '',
      lines: [`${golden.attempt}: intact, ${verdict.lastSeq} events, 0 withheld`, 'SHA256SUMS: signed, and agrees with every file'],
    });
  } finally {
    await folder.remove();
  }
});
