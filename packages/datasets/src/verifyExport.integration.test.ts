import { execFileSync } from 'node:child_process';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readManifest, storeTimestamp } from '@plumbline/database/recordingManifests';
import { eraseRecording, loadRecordingKeys, timestampRequest } from '@plumbline/recording';
import { TimestampAuthority } from '@plumbline/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ExportRig } from './exportRig.fixture.ts';
import { finishedAttempt } from './finishedAttempt.fixture.ts';
import { verifyExport } from './verifyExport.ts';

let rig: ExportRig;
let attempt: string;

beforeAll(async () => {
  rig = await ExportRig.open();
  attempt = await finishedAttempt(rig);
});
afterAll(() => rig.close());

describe('verification of an export', () => {
  it('names the first bad segment when any one byte of events or proofs is another', async () => {
    const id = attempt;
    const dir = await rig.exported('flipped', [id]);
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
    const dir = await rig.exported('forged', [attempt]);
    const place = join(dir, 'manifests', `${attempt}.json`);
    await writeFile(place, (await readFile(place, 'utf8')).replace('"lastSeq":', '"lastSeq":1'));
    expect((await verifyExport(dir)).attempts[0]).toMatchObject({ verdict: 'damaged' });
    const other = await loadRecordingKeys(join(rig.path, 'other-keys'));
    const untouched = await rig.exported('signed', [attempt]);
    expect((await verifyExport(untouched, other.publicKey)).attempts[0]?.problem).toMatchObject({ kind: 'bad_signature' });
  });

  it('finds files that are missing or that nobody listed', async () => {
    const dir = await rig.exported('files', [attempt]);
    await rm(join(dir, 'casts', `${attempt}-1.cast`));
    await writeFile(join(dir, 'extra.txt'), 'extra');
    await rm(join(dir, 'events', `${attempt}.jsonl.zst`));
    const { files, attempts: verdicts } = await verifyExport(dir);
    expect(files.map(({ problem }) => problem).sort()).toEqual(['missing', 'missing', 'unlisted']);
    expect(verdicts[0]?.problem).toMatchObject({ kind: 'changed_file' });
    await expect(verifyExport(join(dir, 'casts'))).rejects.toMatchObject({ code: 'invalid_input' });
  });

  it('calls an erased recording erased, with its rows and without its events', async () => {
    const id = await finishedAttempt(rig);
    await eraseRecording({ ...rig, attemptId: id });
    const dir = await rig.exported('after-erasure', [id]);
    const files = ['README.md', 'SHA256SUMS', 'SHA256SUMS.sig', 'attempts.jsonl', 'clock.jsonl', 'flow.jsonl', 'manifests', 'scores.jsonl'];
    expect((await readdir(dir)).sort()).toEqual(files);
    expect((await verifyExport(dir)).attempts[0]).toMatchObject({ verdict: 'erased', signed: true, problem: null });
  });
});

describe('the time-stamp of a recording', () => {
  it('is in the export, where openssl and verification read it, and every change of it is found, also that of an erased recording', async () => {
    const id = await finishedAttempt(rig);
    const { manifest } = (await readManifest(rig.db, id)) as { manifest: string };
    const authority = await TimestampAuthority.start();
    const request = timestampRequest(manifest);
    const { token, timestamp } = request.read(await authority.reply(request.der));
    expect(await storeTimestamp(rig.db, id, manifest, token)).toBe(true);

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
    await check(await rig.exported('stamped', [id]), 'redacted');
    await eraseRecording({ ...rig, attemptId: id });
    await check(await rig.exported('stamped-erased', [id]), 'erased');
    await authority.close();
  });
});
