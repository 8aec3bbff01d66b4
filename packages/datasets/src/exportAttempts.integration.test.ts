import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import {
  answerSurvey,
  appendClockEvent,
  claimEpoch,
  type Database,
  type EpochClaim,
  finishScore,
  moveAttempt,
  requestScore,
  storeScoreDetails,
} from '@plumbline/database';
import { destroyWrappedKey } from '@plumbline/database/recordingKeys';
import { readManifest, storeTimestamp } from '@plumbline/database/recordingManifests';
import type { EventInput } from '@plumbline/protocol';
import { AttemptRecorder, loadRecordingKeys, type RecordingKeys, timestampRequest } from '@plumbline/recording';
import { folderStore, type ObjectStore } from '@plumbline/storage';
import {
  exampleSettings,
  makeAttempt,
  makeUser,
  type TemporaryFolder,
  type TestDatabase,
  TimestampAuthority,
  temporaryFolder,
  testDatabase,
} from '@plumbline/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ATTEMPT_COLUMNS, SCORE_COLUMNS } from './columns.ts';
import { exportArchive } from './exportArchive.ts';
import { exportAttempts } from './exportAttempts.ts';
import { verifyExport } from './verifyExport.ts';

const SETTINGS = exampleSettings({ startingScore: 10, referenceScore: 2, direction: 'lower', scoreUnit: 'ln(ms)', cleanRescores: 2 });
const HASH = 'ab'.repeat(32);

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
  attempts = [await finishedAttempt(expert), await finishedAttempt(expert), await finishedAttempt()];
});

afterAll(async () => {
  await database.drop();
  await folder.remove();
});

/** An attempt as the gateway would leave it: scored twice, paused once, submitted, re-scored, recorded in three segments. */
async function finishedAttempt(expert?: Awaited<ReturnType<typeof makeUser>>): Promise<string> {
  const fixture = await makeAttempt(db, { expert, environmentSettings: SETTINGS });
  const { id } = fixture.attempt;
  const by = { by: fixture.expert.id };
  await db.prisma.attempt.update({ where: { id }, data: { state: 'ready', isolation: 'bubblewrap' } });
  const claim = (await claimEpoch(db, id, null)) as EpochClaim;
  const ignore = () => {};
  const recorder = await AttemptRecorder.open({
    db,
    store,
    keys,
    attemptId: id,
    claim,
    nowMs: () => Date.now(),
    onDurable: ignore,
    onStalled: ignore,
    onStale: ignore,
  });
  let n = 0;
  const fromRunner = (event: Omit<EventInput, 'atMs'>) => recorder.offer('runner:a', ++n, { ...event, atMs: Date.now() } as EventInput);
  const score = async (trigger: 'participant' | 'final' | 'clean', value: number | null, ofScoreId?: string) => {
    const row = await requestScore(db, id, trigger, ofScoreId === undefined ? {} : { ofScoreId });
    const status = value === null ? 'nan' : 'scored';
    await finishScore(db, id, { scoreId: row.id, status, score: value, message: { correct: value !== null }, durationMs: 5 });
    await storeScoreDetails(db, id, {
      scoreId: row.id,
      details: { ms: value },
      output: 'scorer output',
      scorerHash: HASH,
      hashBefore: HASH,
      hashAfter: HASH,
    });
    fromRunner({
      type: 'score.finished',
      stream: 0,
      data: { scoreId: row.id, n: row.n, trigger, status, score: value, message: null, durationMs: 5 },
    });
    return row.id;
  };
  fromRunner({ type: 'terminal.opened', stream: 1, data: { cols: 80, rows: 24, term: 'xterm-256color', shell: '/bin/bash' } });
  await appendClockEvent(db, id, { kind: 'started' }, by);
  fromRunner({ type: 'terminal.input', stream: 1, data: { tab: 't', n: 1, bytes: Buffer.from('what was typed\r') } });
  const smile = Buffer.from('smile 🙂\r\n');
  fromRunner({ type: 'terminal.output', stream: 1, data: { offset: 0, bytes: smile.subarray(0, 8) } });
  fromRunner({ type: 'terminal.output', stream: 1, data: { offset: 8, bytes: smile.subarray(8) } });
  const gitconfig = { path: '.gitconfig', size: 9, hash: HASH, text: 'email = address-of-the-expert' };
  fromRunner({ type: 'setup.applied', stream: 0, data: { hash: HASH, keymap: 'vim', files: [gitconfig], omitted: [] } });
  for (const target of ['terminal:1', 'editor:a.py']) {
    fromRunner({ type: 'clipboard.paste', stream: 0, data: { tab: 't', target, length: target.length, hash: HASH } });
  }
  await recorder.seal();
  await score('participant', 6);
  await score('participant', null);
  await appendClockEvent(db, id, { kind: 'paused', reason: 'break' }, by);
  await appendClockEvent(db, id, { kind: 'resumed' }, by);
  await recorder.takeOutbox();
  await recorder.seal();
  const best = await score('participant', 4);
  await appendClockEvent(db, id, { kind: 'submitted' }, by);
  await score('final', 5);
  await score('clean', 4, best);
  await score('clean', 4.2, best);
  fromRunner({ type: 'terminal.closed', stream: 1, data: { exitCode: 0, signal: null } });
  await recorder.finish();
  await moveAttempt(db, id, 'completed', {});
  if (expert !== undefined)
    await answerSurvey(db, id, { expectation: 'as_expected', difficulty: 3, problems: 'None.', offClockMinutes: 15 });
  return id;
}

async function exported(name: string, attemptIds = attempts): Promise<string> {
  const dir = join(folder.path, name);
  await exportAttempts({ db, store, keys, attemptIds }, dir);
  return dir;
}

async function readRows(dir: string, file: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(join(dir, file), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('an export', () => {
  it('has a row per attempt and per score, with every column, and the numbers of the pages', async () => {
    const dir = await exported('rows');
    const rows = await readRows(dir, 'attempts.jsonl');
    expect(rows.map((row) => row.attempt)).toEqual([...attempts].sort());
    for (const row of rows) expect(Object.keys(row)).toEqual(ATTEMPT_COLUMNS.map(({ name }) => name));
    const surveys = rows.map((row) => [row.survey_expectation, row.survey_difficulty, row.survey_off_clock_minutes, row.survey_problems]);
    expect(surveys.filter(([expectation]) => expectation !== null)).toEqual([
      ['as_expected', 3, 15, 'None.'],
      ['as_expected', 3, 15, 'None.'],
    ]);
    expect(surveys).toContainEqual([null, null, null, null]);
    expect(rows[0]).toMatchObject({
      participant_group: 'unknown',
      end_reason: 'submitted',
      pauses: 1,
      score_requests: 3,
      valid_scores: 3,
      logged_score: 4,
      logged_normalised: 0.75,
      clean_scores: 2,
      clean_mean: 4.1,
      recording: 'released',
    });
    const pseudonyms = rows.map((row) => row.participant);
    expect(new Set(pseudonyms)).toEqual(new Set(['P1', 'P2']));
    const scores = (await readRows(dir, 'scores.jsonl')).filter((row) => row.attempt === rows[0]?.attempt);
    for (const row of scores) expect(Object.keys(row)).toEqual(SCORE_COLUMNS.map(({ name }) => name));
    expect(scores.map(({ trigger, score, best_so_far, counts, of_n }) => ({ trigger, score, best_so_far, counts, of_n }))).toEqual([
      { trigger: 'participant', score: 6, best_so_far: 6, counts: false, of_n: null },
      { trigger: 'participant', score: null, best_so_far: 6, counts: false, of_n: null },
      { trigger: 'participant', score: 4, best_so_far: 4, counts: true, of_n: null },
      { trigger: 'final', score: 5, best_so_far: 4, counts: false, of_n: null },
      { trigger: 'clean', score: 4, best_so_far: 4, counts: false, of_n: 3 },
      { trigger: 'clean', score: 4.2, best_so_far: 4, counts: false, of_n: 3 },
    ]);
  });

  it('names nobody, and leaves out what was typed but not that something was', async () => {
    const dir = await exported('private');
    const events = zstdDecompressSync(await readFile(join(dir, 'events', `${attempts[0]}.jsonl.zst`))).toString('utf8');
    expect(events).toContain('{"seq":2,"withheld":true}');
    expect(events).toContain('"target":"editor:a.py"');
    expect(events).not.toContain('"target":"terminal:1"');
    for (const file of await readdir(dir, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const text = file.name.endsWith('.zst') ? events : await readFile(join(file.parentPath, file.name), 'utf8');
      for (const secret of ['what was typed', 'Name Of The Expert', 'address-of-the-expert']) expect(text, file.name).not.toContain(secret);
    }
  });

  it('has a cast per terminal with whole characters and the scores as markers', async () => {
    const dir = await exported('casts');
    const lines = await readRows(dir, `casts/${attempts[0]}-1.cast`);
    expect(lines[0]).toMatchObject({ version: 2, width: 80, height: 24 });
    const events = lines.slice(1) as unknown as [number, string, string][];
    expect(events.filter(([, code]) => code === 'o').map(([, , text]) => text)).toEqual(['smile ', '🙂\r\n']);
    expect(events.filter(([, code]) => code === 'm').map(([, , text]) => text)).toEqual(
      expect.arrayContaining(['Clock started', 'Score 1: 6', 'Score 2: no valid number', 'Paused: a break', 'Resumed', 'Score 3: 4']),
    );
  });

  it('has casts that asciinema itself plays, to the same bytes', async () => {
    const dir = await exported('played');
    const cast = join(dir, 'casts', `${attempts[0]}-1.cast`);
    // It asks for a terminal of its own, which `script` gives it.
    const { status, stdout } = spawnSync('script', ['-qec', `asciinema cat '${cast}'`, '/dev/null'], {
      env: { ...process.env, LANG: 'C.UTF-8', HOME: folder.path },
    });
    expect(status).toBe(0);
    expect(stdout.toString().replaceAll('\r\r', '\r')).toContain('smile 🙂\r\n');
  });

  it('gives the same bytes again, and sums that agree', async () => {
    const [first, second] = [await exported('same-1'), await exported('same-2')];
    const sums = await readFile(join(first, 'SHA256SUMS'), 'utf8');
    expect(await readFile(join(second, 'SHA256SUMS'), 'utf8')).toBe(sums);
    execFileSync('sh', ['-c', 'sha256sum --check --quiet SHA256SUMS'], { cwd: second });
  });

  it('is one tar in the store that tar itself unpacks', async () => {
    const fractions: number[] = [];
    const { objectHash, bytes } = await exportArchive({
      db,
      store,
      keys,
      attemptIds: attempts,
      onProgress: (fraction) => void fractions.push(fraction),
    });
    expect(fractions.at(-1)).toBe(1);
    const tar = await store.get(objectHash);
    expect(tar.length).toBe(bytes);
    expect(createHash('sha256').update(tar).digest('hex')).toBe(objectHash);
    const dir = join(folder.path, 'unpacked');
    await mkdir(dir);
    await writeFile(join(dir, 'export.tar'), tar);
    execFileSync('tar', ['-xf', 'export.tar'], { cwd: dir });
    const verdict = await verifyExport(join(dir, 'plumbline-export'));
    expect(verdict.files).toEqual([]);
    expect(verdict.attempts.map((attempt) => attempt.verdict)).toEqual(['redacted', 'redacted', 'redacted']);
  });

  it('refuses attempts that have not ended or do not exist, and a folder with something in it', async () => {
    const { attempt } = await makeAttempt(db, { environmentSettings: SETTINGS });
    await expect(exported('refused-1', [attempt.id])).rejects.toMatchObject({ code: 'conflict' });
    await expect(exported('refused-2', ['00000000-0000-4000-8000-000000000000'])).rejects.toMatchObject({ code: 'not_found' });
    await exported('refused-3');
    await expect(exported('refused-3')).rejects.toMatchObject({ code: 'invalid_input' });
  });
});

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
    const id = attempts[2] as string;
    await destroyWrappedKey(db, id);
    const dir = await exported('after-erasure', [id]);
    expect((await readdir(dir)).sort()).toEqual(['README.md', 'SHA256SUMS', 'attempts.jsonl', 'manifests', 'scores.jsonl']);
    expect((await verifyExport(dir)).attempts[0]).toMatchObject({ verdict: 'erased', signed: true, problem: null });
  });
});

describe('the time-stamp of a recording', () => {
  it('is in the export, where openssl and verification read it, and every change of it is found, also that of an erased recording', async () => {
    const id = await finishedAttempt();
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
    await destroyWrappedKey(db, id);
    await check(await exported('stamped-erased', [id]), 'erased');
    await authority.close();
  });
});

describe('the second verifier, docs/verify_recording.py', () => {
  const PROGRAM = fileURLToPath(new URL('../../../docs/verify_recording.py', import.meta.url));

  /** Its exit code and what it says of each attempt. Where this machine has no zstd for it, it reads the plain lines. */
  async function verified(dir: string, key?: string): Promise<{ status: number | null; verdicts: string[] }> {
    for (const name of await readdir(join(dir, 'events')).catch(() => [])) {
      if (!name.endsWith('.zst')) continue;
      try {
        await writeFile(join(dir, 'events', name.replace(/\.zst$/, '')), zstdDecompressSync(await readFile(join(dir, 'events', name))));
      } catch {
        // A frame that was broken on purpose.
      }
    }
    const { status, stdout, stderr } = spawnSync('python3', [PROGRAM, dir, ...(key === undefined ? [] : [key])], { encoding: 'utf8' });
    expect(stderr).toBe('');
    return { status, verdicts: stdout.trimEnd().split('\n') };
  }

  it('has fewer than 150 lines and imports the standard library alone', async () => {
    const text = await readFile(PROGRAM, 'utf8');
    expect(text.split('\n').length - 1).toBeLessThan(150);
    expect([...text.matchAll(/^\s*(?:import|from) ([\w., ]+)/gm)].map(([, names]) => names)).toEqual([
      'base64, hashlib, json, math, os, re, shutil, subprocess, sys',
      'compression.zstd import decompress',
    ]);
  });

  it('agrees with the first about whole, redacted and erased recordings, and asks for the right key', async () => {
    const dir = await exported('second', attempts);
    const first = await verifyExport(dir);
    const { status, verdicts } = await verified(dir);
    expect(status).toBe(0);
    expect(verdicts).toEqual(
      first.attempts.map(({ attemptId, verdict, lastSeq, withheld }) =>
        verdict === 'erased'
          ? `${attemptId}: erased, and its manifest holds`
          : `${attemptId}: ${verdict}, ${lastSeq} events, ${withheld} withheld`,
      ),
    );
    expect(verdicts.some((line) => line.includes('redacted'))).toBe(true);
    const other = await loadRecordingKeys(join(folder.path, 'keys-of-another'));
    await writeFile(join(dir, 'other.pem'), other.publicKey.export({ type: 'spki', format: 'pem' }));
    const refused = await verified(dir, join(dir, 'other.pem'));
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
