import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, sign } from 'node:crypto';
import { readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { eraseRecording, loadRecordingKeys, redactRecording } from '@plumbline/recording';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ExportRig } from './exportRig.fixture.ts';
import { finishedAttempt } from './finishedAttempt.fixture.ts';
import { isWholeExport, verifyExport } from './verifyExport.ts';

/** An export held against both verifiers: this package's, and the program that was written from the format's page alone. */

let rig: ExportRig;
let attempt: string;

beforeAll(async () => {
  rig = await ExportRig.open();
  attempt = await finishedAttempt(rig);
});
afterAll(() => rig.close());

const PROGRAM = fileURLToPath(new URL('../../../docs/verify_recording.py', import.meta.url));

/** Exit code of the second verifier, and what it says of each attempt and of the sums. Where this machine has no zstd for it, it reads the plain lines. */
async function verified(dir: string, ...options: string[]): Promise<{ status: number | null; verdicts: string[]; sums: string }> {
  const events = join(dir, 'events');
  const packed = (await readdir(events).catch(() => [])).filter((name) => name.endsWith('.zst'));
  for (const name of packed) {
    try {
      await writeFile(join(events, name.replace(/\.zst$/, '')), zstdDecompressSync(await readFile(join(events, name))));
    } catch {
      // A frame that was broken on purpose.
    }
  }
  const { status, stdout, stderr } = spawnSync('python3', [PROGRAM, dir, ...options], { encoding: 'utf8' });
  for (const name of packed) await rm(join(events, name.replace(/\.zst$/, '')), { force: true });
  expect(stderr).toBe('');
  const verdicts = stdout.trimEnd().split('\n');
  return { status, sums: verdicts.pop() as string, verdicts };
}

/** Writes `SHA256SUMS` anew, as whoever changed a file can. */
function sumAgain(dir: string): void {
  const files =
    "find . -type f ! -name 'SHA256SUMS*' | sed 's,^./,,' | LC_ALL=C sort | xargs sha256sum > /tmp/sums.$$; mv /tmp/sums.$$ SHA256SUMS";
  execFileSync('sh', ['-c', files], { cwd: dir });
}

async function rewrite(path: string, change: (text: string) => string): Promise<void> {
  const text = await readFile(path, 'utf8');
  const changed = change(text);
  expect(changed).not.toBe(text);
  await writeFile(path, changed);
}

const says = (recording: string) => (text: string) => text.replace('"recording":"released"', `"recording":"${recording}"`);

/** Each changes an export and writes its sums anew. `contradicted`: found without the sums' signature as well. */
const ATTACKS: { name: string; contradicted: boolean; change(dir: string, id: string): Promise<void> }[] = [
  ...['erased', 'none', 'unfinished'].map((state) => ({
    name: `a row that calls a released recording ${state}`,
    contradicted: true,
    change: async (dir: string, id: string) => {
      await rewrite(join(dir, 'attempts.jsonl'), says(state));
      // Nobody would look at them any more.
      await rewrite(join(dir, 'proofs', `${id}.jsonl`), () => '');
    },
  })),
  {
    name: 'a recording that is called none, of which a manifest alone is left',
    contradicted: true,
    change: async (dir, id) => {
      await rewrite(join(dir, 'attempts.jsonl'), says('none'));
      for (const kind of ['events', 'proofs', 'casts']) await rm(join(dir, kind), { recursive: true });
      await rm(join(dir, 'manifests', `${id}.sig`));
    },
  },
  {
    name: 'a recording whose row was taken out',
    contradicted: true,
    change: (dir) => rewrite(join(dir, 'attempts.jsonl'), () => ''),
  },
  {
    name: 'a recording that is called erased, with its events taken out',
    contradicted: false,
    change: async (dir) => {
      await rewrite(join(dir, 'attempts.jsonl'), says('erased'));
      for (const kind of ['events', 'proofs', 'casts']) await rm(join(dir, kind), { recursive: true });
    },
  },
  {
    name: 'another score in a row',
    contradicted: false,
    change: (dir) => rewrite(join(dir, 'scores.jsonl'), (text) => text.replace('"score":4', '"score":2')),
  },
  {
    name: 'another text in a cast',
    contradicted: false,
    change: (dir, id) => rewrite(join(dir, 'casts', `${id}-1.cast`), (text) => text.replace('smile', 'frown')),
  },
];

describe('what a changed export is taken for, by either verifier', () => {
  it.each(ATTACKS)('not for a whole one: $name', async ({ name, contradicted, change }) => {
    const id = attempt;
    const dir = await rig.exported(`attack-${ATTACKS.findIndex((each) => each.name === name)}`, [id]);
    await change(dir, id);
    sumAgain(dir);
    const signed = await verifyExport(dir);
    expect(signed).toMatchObject({ sums: 'bad_signature' });
    expect(isWholeExport(signed)).toBe(false);
    expect(await verified(dir)).toMatchObject({ status: 1 });
    await rm(join(dir, 'SHA256SUMS.sig'));
    const unsigned = await verifyExport(dir);
    expect(unsigned).toMatchObject({ sums: 'unsigned' });
    expect(isWholeExport(unsigned)).toBe(false);
    expect(await verified(dir)).toMatchObject({ status: 1 });
    // Who asks for unsigned exports is told what contradicts itself, and no more.
    expect(isWholeExport(unsigned, { allowUnsigned: true })).toBe(!contradicted);
    expect(await verified(dir, '--allow-unsigned')).toMatchObject({ status: contradicted ? 1 : 0 });
  });

  it.each([
    [
      'a file that nobody listed',
      (dir: string) => symlink('/etc/hostname', join(dir, 'notes.txt')),
      { path: 'notes.txt', problem: 'unlisted' },
    ],
    ['a folder that nobody listed', (dir: string) => symlink('/etc', join(dir, 'extra')), { path: 'extra', problem: 'unlisted' }],
    [
      'a file that is listed',
      async (dir: string) => {
        await rename(join(dir, 'scores.jsonl'), join(dir, '../scores-elsewhere.jsonl'));
        await symlink('../scores-elsewhere.jsonl', join(dir, 'scores.jsonl'));
      },
      { path: 'scores.jsonl', problem: 'missing' },
    ],
  ])('not for a whole one: one with a link in the place of %s', async (_words, change, problem) => {
    const dir = await rig.exported(`link-${problem.path}`, [attempt]);
    await change(dir);
    const verdict = await verifyExport(dir);
    expect(verdict).toMatchObject({ sums: 'signed', files: [problem] });
    expect(isWholeExport(verdict)).toBe(false);
    expect(await verified(dir)).toMatchObject({ status: 1 });
  });

  it('not for a signed one: an export from before sums were signed, which passes where that is asked for', async () => {
    const dir = await rig.exported('before-signed-sums', [attempt]);
    await rm(join(dir, 'SHA256SUMS.sig'));
    const verdict = await verifyExport(dir);
    expect(verdict).toMatchObject({ sums: 'unsigned', files: [] });
    expect([isWholeExport(verdict), isWholeExport(verdict, { allowUnsigned: true })]).toEqual([false, true]);
    expect(await verified(dir)).toMatchObject({ status: 1, sums: expect.stringContaining('not signed') });
    expect(await verified(dir, '--allow-unsigned')).toMatchObject({
      status: 0,
      sums: 'SHA256SUMS: not signed, and agrees with every file',
    });
  });

  it('not for an export of this deployment: one whose sums another key signed', async () => {
    const dir = await rig.exported('signed-by-another', [attempt]);
    const other = await loadRecordingKeys(join(rig.path, 'keys-of-a-forger'));
    const sums = await readFile(join(dir, 'SHA256SUMS'));
    await writeFile(join(dir, 'SHA256SUMS.sig'), `${sign(null, sums, other.signingKey).toString('base64')}\n`);
    expect(await verifyExport(dir)).toMatchObject({ sums: 'bad_signature' });
    expect(await verified(dir)).toMatchObject({ status: 1 });
  });

  it('not for an export at all: a row with a word that no export writes', async () => {
    const dir = await rig.exported('another-word', [attempt]);
    await rewrite(join(dir, 'attempts.jsonl'), says('lost'));
    await expect(verifyExport(dir)).rejects.toMatchObject({ code: 'invalid_input' });
    expect(await verified(dir, '--allow-unsigned')).toMatchObject({ status: 1 });
  });
});

describe('the second verifier, docs/verify_recording.py', () => {
  it('has fewer than 150 lines and imports the standard library alone', async () => {
    const text = await readFile(PROGRAM, 'utf8');
    expect(text.split('\n').length - 1).toBeLessThan(150);
    expect([...text.matchAll(/^\s*(?:import|from) ([\w., ]+)/gm)].map(([, names]) => names)).toEqual([
      'base64, hashlib, json, math, os, pathlib, re, shutil, subprocess, sys',
      'compression.zstd import decompress',
    ]);
  });

  it('agrees with the first about intact, redacted and erased recordings, and asks for the right key', async () => {
    const [intact, typed, takenOut, erased] = [
      await finishedAttempt(rig, { typed: false }),
      await finishedAttempt(rig),
      await finishedAttempt(rig, { typed: false }),
      await finishedAttempt(rig),
    ];
    await redactRecording({ ...rig, attemptId: takenOut }, { types: new Set(['terminal.output']) });
    await eraseRecording({ ...rig, attemptId: erased });
    const dir = await rig.exported('second', [intact, typed, takenOut, erased]);
    const first = await verifyExport(dir);
    const verdictOf = Object.fromEntries(first.attempts.map(({ attemptId, verdict, withheld }) => [attemptId, [verdict, withheld > 0]]));
    expect(verdictOf).toEqual({
      [intact]: ['intact', false],
      [typed]: ['redacted', true],
      [takenOut]: ['redacted', true],
      [erased]: ['erased', true],
    });
    const { status, verdicts, sums } = await verified(dir);
    expect([status, sums]).toEqual([0, 'SHA256SUMS: signed, and agrees with every file']);
    expect(verdicts).toEqual(
      first.attempts.map(({ attemptId, verdict, lastSeq, withheld }) =>
        verdict === 'erased'
          ? `${attemptId}: erased, and its manifest holds`
          : `${attemptId}: ${verdict}, ${lastSeq} events, ${withheld} withheld`,
      ),
    );
    const other = await loadRecordingKeys(join(rig.path, 'keys-of-another'));
    const otherKey = join(rig.path, 'other.pem');
    await writeFile(otherKey, other.publicKey.export({ type: 'spki', format: 'pem' }));
    const refused = await verified(dir, otherKey);
    expect(refused.status).toBe(1);
    expect(refused.verdicts[0]).toContain('damaged');
  });

  it('names the same segment as the first when an event, a proof or a header is another', async () => {
    const id = attempt;
    const dir = await rig.exported('second-flipped', [id]);
    const segments = JSON.parse(await readFile(join(dir, 'manifests', `${id}.json`), 'utf8')).segments as { firstSeq: number }[];
    const place = join(dir, 'proofs', `${id}.jsonl`);
    const lines = (await readFile(place, 'utf8')).trimEnd().split('\n');
    for (const [i, segment] of segments.entries()) {
      for (const change of [
        (proof: { proofs: string[]; header: string; root: string }) => {
          const bytes = Buffer.from(proof.proofs[0] as string, 'base64');
          bytes[3] = (bytes[3] as number) ^ 1;
          proof.proofs[0] = bytes.toString('base64');
        },
        (proof: { header: string }) => {
          proof.header = proof.header.replace('"baseMs":1', '"baseMs":2');
        },
        (proof: { root: string }) => {
          proof.root = proof.root.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
        },
      ]) {
        const proof = JSON.parse(lines[i] as string);
        change(proof);
        await writeFile(place, `${lines.with(i, JSON.stringify(proof)).join('\n')}\n`);
        const { status, verdicts } = await verified(dir);
        expect(status).toBe(1);
        expect(verdicts[0]).toContain(`damaged: segment ${i + 1}, from event ${segment.firstSeq} on`);
        expect((await verifyExport(dir)).attempts[0]?.problem).toMatchObject({ segment: i + 1, firstSeq: segment.firstSeq });
      }
    }
    await writeFile(place, `${lines.join('\n')}\n`);
    // An event that says something else, in a frame that is named as it is.
    const frameBytes = JSON.parse(lines[0] as string).frameBytes as number;
    const packed = join(dir, 'events', `${id}.jsonl.zst`);
    const original = await readFile(packed);
    const text = zstdDecompressSync(original.subarray(0, frameBytes)).toString('utf8');
    for (const forged of [
      text.replace('"cols":80', '"cols":81'),
      text.replace(/"atMs":(\d+)/, '"atMs":$1.0001'),
      text.replace('}\n', ',"more":1}\n'),
    ]) {
      expect(forged).not.toBe(text);
      const frame = zstdCompressSync(Buffer.from(forged));
      await writeFile(packed, Buffer.concat([frame, original.subarray(frameBytes)]));
      const frameHash = createHash('sha256').update(frame).digest('hex');
      const proof = { ...JSON.parse(lines[0] as string), frameBytes: frame.length, frameHash };
      await writeFile(place, `${lines.with(0, JSON.stringify(proof)).join('\n')}\n`);
      expect((await verified(dir)).verdicts[0]).toContain('damaged: segment 1, from event 1 on');
      expect((await verifyExport(dir)).attempts[0]?.problem).toMatchObject({ segment: 1 });
    }
  });
});
