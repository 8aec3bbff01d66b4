import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, sign } from 'node:crypto';
import { readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Database } from '@plumbline/database';
import { readManifest, storeTimestamp } from '@plumbline/database/recordingManifests';
import { eraseRecording, loadRecordingKeys, type RecordingKeys, redactRecording, timestampRequest } from '@plumbline/recording';
import { folderStore, type ObjectStore } from '@plumbline/storage';
import { makeUser, type TemporaryFolder, type TestDatabase, TimestampAuthority, temporaryFolder, testDatabase } from '@plumbline/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportAttempts } from './exportAttempts.ts';
import { finishedAttempt } from './finishedAttempt.fixture.ts';
import { isWholeExport, verifyExport } from './verifyExport.ts';

let database: TestDatabase;
let db: Database;
let folder: TemporaryFolder;
let store: ObjectStore;
let keys: RecordingKeys;
let attempts: string[];

beforeAll(async () => {
  database = await testDatabase();
  db = database.db;
  folder = await temporaryFolder();
  store = folderStore(join(folder.path, 'store'));
  keys = await loadRecordingKeys(join(folder.path, 'keys'));
  const expert = await makeUser(db, 'expert', { name: 'Name Of The Expert', email: 'address-of-the-expert@test.plumbline.local' });
  attempts = [
    await finishedAttempt({ db, store, keys }, { expert }),
    await finishedAttempt({ db, store, keys }, { expert }),
    await finishedAttempt({ db, store, keys }),
  ];
});

afterAll(async () => {
  await database.drop();
  await folder.remove();
});

async function exported(name: string, attemptIds = attempts): Promise<string> {
  const dir = join(folder.path, name);
  await exportAttempts({ db, store, keys, attemptIds }, dir);
  return dir;
}

describe('verification of an export', () => {
  it('names the first bad segment when any one byte of events or proofs is another', async () => {
    const dir = await exported('flipped', [attempts[0] as string]);
    const id = attempts[0] as string;
    expect((await verifyExport(dir)).attempts[0]).toMatchObject({ verdict: 'redacted', signed: true, segments: 3, problem: null });
    const segments = JSON.parse(await readFile(join(dir, 'manifests', `${id}.json`), 'utf8')).segments as {
      firstSeq: number;
      lastSeq: number;
    }[];
    const proofs = await readFile(join(dir, 'proofs', `${id}.jsonl`));
    const proofEnds = proofs
      .toString('utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => Buffer.byteLength(line) + 1);
    const frameEnds = proofs
      .toString('utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).frameBytes as number);
    const segmentAt = (sizes: number[], position: number): number => {
      let end = 0;
      const ends = sizes.map((size) => {
        end += size;
        return end;
      });
      return ends.findIndex((each) => position < each) + 1;
    };
    // The length of a frame, off by one, would shift all that follows.
    const digitOfLength = (proof: Buffer) => proof.indexOf(',', proof.indexOf('frameBytes')) - 1;
    for (const [path, sizes] of [
      [`events/${id}.jsonl.zst`, frameEnds],
      [`proofs/${id}.jsonl`, proofEnds],
    ] as const) {
      const place = join(dir, path);
      const original = await readFile(place);
      await fc.assert(
        fc.asyncProperty(fc.nat(original.length - 1), fc.integer({ min: 1, max: 255 }), async (position, flip) => {
          const changed = Buffer.from(original);
          changed[position] = (original[position] as number) ^ flip;
          await writeFile(place, changed);
          const { attempts: verdicts, files } = await verifyExport(dir);
          await writeFile(place, original);
          expect(files).toEqual([{ path, problem: 'changed' }]);
          const { problem } = verdicts[0] as (typeof verdicts)[number];
          // A byte that no reader sees (a line's end) is found by its sum alone.
          if (problem === null) return;
          const n = segmentAt(sizes, position);
          expect(problem).toMatchObject({ segment: n, firstSeq: segments[n - 1]?.firstSeq, lastSeq: segments[n - 1]?.lastSeq });
        }),
        { numRuns: 60, examples: [[digitOfLength(proofs), 1]] },
      );
    }
  });

  it('finds a manifest that was changed, or that another key signed', async () => {
    const dir = await exported('forged', [attempts[0] as string]);
    const place = join(dir, 'manifests', `${attempts[0]}.json`);
    await writeFile(place, (await readFile(place, 'utf8')).replace('"lastSeq":', '"lastSeq":1'));
    expect((await verifyExport(dir)).attempts[0]).toMatchObject({ verdict: 'damaged' });
    const other = await loadRecordingKeys(join(folder.path, 'other-keys'));
    const untouched = await exported('signed', [attempts[0] as string]);
    expect((await verifyExport(untouched, other.publicKey)).attempts[0]?.problem).toMatchObject({ kind: 'bad_signature' });
  });

  it('finds files that are missing or that nobody listed', async () => {
    const dir = await exported('files', [attempts[0] as string]);
    await rm(join(dir, 'casts', `${attempts[0]}-1.cast`));
    await writeFile(join(dir, 'extra.txt'), 'extra');
    await rm(join(dir, 'events', `${attempts[0]}.jsonl.zst`));
    const { files, attempts: verdicts } = await verifyExport(dir);
    expect(files.map(({ problem }) => problem).sort()).toEqual(['missing', 'missing', 'unlisted']);
    expect(verdicts[0]?.problem).toMatchObject({ kind: 'changed_file' });
    await expect(verifyExport(join(dir, 'casts'))).rejects.toMatchObject({ code: 'invalid_input' });
  });

  it('calls an erased recording erased, with its rows and without its events', async () => {
    const id = await finishedAttempt({ db, store, keys });
    await eraseRecording({ db, store, attemptId: id });
    const dir = await exported('after-erasure', [id]);
    const files = ['README.md', 'SHA256SUMS', 'SHA256SUMS.sig', 'attempts.jsonl', 'flow.jsonl', 'manifests', 'scores.jsonl'];
    expect((await readdir(dir)).sort()).toEqual(files);
    expect((await verifyExport(dir)).attempts[0]).toMatchObject({ verdict: 'erased', signed: true, problem: null });
  });
});

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
    const id = attempts[0] as string;
    const dir = await exported(`attack-${ATTACKS.findIndex((each) => each.name === name)}`, [id]);
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
    const dir = await exported(`link-${problem.path}`, [attempts[0] as string]);
    await change(dir);
    const verdict = await verifyExport(dir);
    expect(verdict).toMatchObject({ sums: 'signed', files: [problem] });
    expect(isWholeExport(verdict)).toBe(false);
    expect(await verified(dir)).toMatchObject({ status: 1 });
  });

  it('not for a signed one: an export from before sums were signed, which passes where that is asked for', async () => {
    const dir = await exported('before-signed-sums', [attempts[0] as string]);
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
    const dir = await exported('signed-by-another', [attempts[0] as string]);
    const other = await loadRecordingKeys(join(folder.path, 'keys-of-a-forger'));
    const sums = await readFile(join(dir, 'SHA256SUMS'));
    await writeFile(join(dir, 'SHA256SUMS.sig'), `${sign(null, sums, other.signingKey).toString('base64')}\n`);
    expect(await verifyExport(dir)).toMatchObject({ sums: 'bad_signature' });
    expect(await verified(dir)).toMatchObject({ status: 1 });
  });

  it('not for an export at all: a row with a word that no export writes', async () => {
    const dir = await exported('another-word', [attempts[0] as string]);
    await rewrite(join(dir, 'attempts.jsonl'), says('lost'));
    await expect(verifyExport(dir)).rejects.toMatchObject({ code: 'invalid_input' });
    expect(await verified(dir, '--allow-unsigned')).toMatchObject({ status: 1 });
  });
});

describe('the time-stamp of a recording', () => {
  it('is in the export, where openssl and verification read it, and every change of it is found, also that of an erased recording', async () => {
    const id = await finishedAttempt({ db, store, keys });
    const { manifest } = (await readManifest(db, id)) as { manifest: string };
    const authority = await TimestampAuthority.start();
    const request = timestampRequest(manifest);
    const { token, timestamp } = request.read(await authority.reply(request.der));
    expect(await storeTimestamp(db, id, manifest, token)).toBe(true);

    const check = async (dir: string, verdict: string) => {
      expect((await verifyExport(dir)).attempts).toEqual([expect.objectContaining({ verdict, signed: true, timestamp })]);
      const file = (ending: string) => join(dir, 'manifests', `${id}.${ending}`);
      const args = ['ts', '-verify', '-data', file('json'), '-in', file('tst'), '-token_in', '-CAfile', authority.rootFile];
      expect(execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' })).toContain('Verification: OK');
      const changed = Buffer.from(token);
      changed[changed.length - 1] = (changed.at(-1) as number) ^ 1;
      await writeFile(file('tst'), changed);
      const { attempts: found, files } = await verifyExport(dir);
      expect(found).toMatchObject([
        {
          verdict: 'damaged',
          signed: false,
          timestamp: null,
          problem: { kind: 'bad_timestamp', message: expect.stringContaining('signature') },
        },
      ]);
      expect(files).toEqual([{ path: `manifests/${id}.tst`, problem: 'changed' }]);
    };
    await check(await exported('stamped', [id]), 'redacted');
    await eraseRecording({ db, store, attemptId: id });
    await check(await exported('stamped-erased', [id]), 'erased');
    await authority.close();
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
      await finishedAttempt({ db, store, keys }, { typed: false }),
      await finishedAttempt({ db, store, keys }),
      await finishedAttempt({ db, store, keys }, { typed: false }),
      await finishedAttempt({ db, store, keys }),
    ];
    await redactRecording({ db, store, keys, attemptId: takenOut }, { types: new Set(['terminal.output']) });
    await eraseRecording({ db, store, attemptId: erased });
    const dir = await exported('second', [intact, typed, takenOut, erased]);
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
    const other = await loadRecordingKeys(join(folder.path, 'keys-of-another'));
    const otherKey = join(folder.path, 'other.pem');
    await writeFile(otherKey, other.publicKey.export({ type: 'spki', format: 'pem' }));
    const refused = await verified(dir, otherKey);
    expect(refused.status).toBe(1);
    expect(refused.verdicts[0]).toContain('damaged');
  });

  it('names the same segment as the first when an event, a proof or a header is another', async () => {
    const id = attempts[0] as string;
    const dir = await exported('second-flipped', [id]);
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
