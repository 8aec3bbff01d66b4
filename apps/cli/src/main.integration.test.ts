import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { createExport, finishExport, loadExport } from '@plumbline/database/exports';
import { readManifest, storeTimestamp } from '@plumbline/database/recordingManifests';
import { listSegments } from '@plumbline/database/recordingSegments';
import { claimEpoch, type EpochClaim } from '@plumbline/database/recordingTail';
import { AttemptRecorder, loadRecordingKeys, type RecordingKeys, timestampRequest } from '@plumbline/recording';
import { folderStore } from '@plumbline/storage';
import {
  exampleSettings,
  makeAttempt,
  type TemporaryFolder,
  type TestDatabase,
  TimestampAuthority,
  temporaryFolder,
  testDatabase,
} from '@plumbline/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const SETTINGS = exampleSettings({ startingScore: null, referenceScore: null });

let database: TestDatabase;
let folder: TemporaryFolder;
let keys: RecordingKeys;

beforeAll(async () => {
  database = await testDatabase();
  folder = await temporaryFolder();
  keys = await loadRecordingKeys(join(folder.path, 'keys'));
});

afterAll(async () => {
  await database.drop();
  await folder.remove();
});

async function plumb(
  args: string[],
  input = '',
  env: Record<string, string> = {},
): Promise<{ status: number; out: string; error: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      DATABASE_URL: database.url,
      PLUMBLINE_DATA_DIR: folder.path,
      ...env,
    },
  });
  child.stdin.end(input);
  const [out, error, status] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? -1))),
  ]);
  return { status, out, error };
}

/** A completed attempt with three sealed segments and a signed manifest. */
async function recorded(): Promise<string> {
  const { db } = database;
  const attemptId = (await makeAttempt(db, { environmentSettings: SETTINGS })).attempt.id;
  const store = folderStore(join(folder.path, 'store'));
  const claim = (await claimEpoch(db, attemptId, null)) as EpochClaim;
  const ignore = () => {};
  const callbacks = { onDurable: ignore, onStalled: ignore, onStale: ignore };
  const recorder = await AttemptRecorder.open({ db, store, keys, attemptId, claim, nowMs: () => Date.now(), ...callbacks });
  for (let n = 1; n <= 9; n++) {
    recorder.offer('runner:a', n, { type: 'note.written', stream: 0, atMs: Date.now(), data: { n, text: `note ${n}`, elapsedMs: n } });
    if (n % 3 === 0) await recorder.seal();
  }
  await recorder.finish();
  await db.prisma.attempt.update({ where: { id: attemptId }, data: { state: 'completed' } });
  return attemptId;
}

/** Has an authority time-stamp its manifest. */
async function timestamped(attemptId: string): Promise<void> {
  const { manifest } = (await readManifest(database.db, attemptId)) as { manifest: string };
  const authority = await TimestampAuthority.start();
  const request = timestampRequest(manifest);
  await storeTimestamp(database.db, attemptId, manifest, request.read(await authority.reply(request.der)).token);
  await authority.close();
}

describe('plumb', () => {
  it('takes events out of a recording, erases it, and says so when it is verified', async () => {
    const attemptId = await recorded();
    const redacted = await plumb(['recording', 'redact', attemptId, '--from', '4', '--to', '5', '--reason', 'a private name']);
    expect(redacted).toMatchObject({ status: 0, error: '' });
    expect((await plumb(['verify', attemptId])).out).toMatch(/: redacted\. 9 events in 3 segments, 2 of them withheld, signed by/);
    const refused = await plumb(['recording', 'erase', attemptId, '--confirm', 'another', '--reason', 'withdrawn']);
    expect(refused).toMatchObject({ status: 2, error: 'The two ids differ, so nothing was erased.\n' });
    await plumb(['recording', 'erase', attemptId, '--confirm', attemptId, '--reason', 'withdrawn']);
    expect((await plumb(['verify', attemptId])).out).toMatch(/: erased\./);
    const audit = await database.db.prisma.auditEntry.findMany({ where: { subject: `attempt:${attemptId}` }, orderBy: { id: 'asc' } });
    expect(audit.map(({ act }) => act)).toEqual(expect.arrayContaining(['recording.redact', 'recording.erase']));
  });

  it('deletes the exports that hold what it takes out of a recording, and no others', async () => {
    const { db } = database;
    const store = folderStore(join(folder.path, 'store'));
    const exportOf = async (attemptId: string) => {
      const id = await createExport(db, { requestedBy: null, attemptIds: [attemptId] });
      const objectHash = createHash('sha256').update(id).digest('hex');
      await store.put(objectHash, Buffer.from(`all of ${attemptId}`));
      await finishExport(db, id, { objectHash, bytes: 1, leftOut: 0, answers: {}, recordings: {} });
      return { id, objectHash };
    };
    const [attemptId, other] = [await recorded(), await recorded()];
    const kept = await exportOf(other);
    const takes: string[][] = [
      ['redact', attemptId, '--from', '4', '--to', '5', '--reason', 'a private name'],
      ['erase', attemptId, '--confirm', attemptId, '--reason', 'withdrawn'],
    ];
    for (const take of takes) {
      const { id, objectHash } = await exportOf(attemptId);
      expect((await plumb(['recording', ...take])).out).toContain('One export that it was in was deleted');
      expect(await store.has(objectHash)).toBe(false);
      expect(await loadExport(db, id)).toMatchObject({
        state: 'failed',
        objectHash: null,
        error: expect.stringContaining('Build it anew'),
      });
    }
    expect(await store.has(kept.objectHash)).toBe(true);
    expect(await loadExport(db, kept.id)).toMatchObject({ state: 'done' });
  });

  it('verifies a recording, and names the first bad segment and its range after one byte is changed', async () => {
    const attemptId = await recorded();
    const intact = await plumb(['verify', attemptId]);
    expect(intact).toMatchObject({ status: 0, error: '' });
    expect(intact.out).toContain(`${attemptId}: intact. 9 events in 3 segments, signed by `);
    const hash = (await listSegments(database.db, attemptId))[1]?.objectHash as string;
    const place = join(folder.path, 'store', hash.slice(0, 2), hash.slice(2, 4), hash);
    const object = await readFile(place);
    object[20] = (object[20] as number) ^ 1;
    await writeFile(place, object);
    const damaged = await plumb(['verify', attemptId]);
    expect(damaged.status).toBe(1);
    expect(damaged.out).toContain('damaged in segment 2, events 4 to 6');
    const json = await plumb(['verify', attemptId, '--json']);
    expect(JSON.parse(json.out)).toMatchObject({ verdict: 'damaged', problem: { segment: 2, firstSeq: 4, lastSeq: 6 } });
  });

  it('exports attempts into a folder that it can verify', async () => {
    const attemptId = await recorded();
    await timestamped(attemptId);
    const dir = join(folder.path, 'export');
    const made = await plumb(['export', '--attempt', attemptId, '--out', dir]);
    expect(made).toMatchObject({ status: 0, error: '' });
    const verified = (await plumb(['verify', dir])).out;
    expect(verified).toMatch(
      new RegExp(`^${attemptId}: intact\\. .* signed by [0-9a-f]{64}, time-stamped by O=Example, CN=Time-stamps of a test at 2`),
    );
    expect(verified).toContain('openssl ts -verify');
    expect(await plumb(['export', '--attempt', attemptId, '--out', dir])).toMatchObject({ status: 2 });
    await writeFile(join(dir, 'attempts.jsonl'), `${await readFile(join(dir, 'attempts.jsonl'), 'utf8')}\n`);
    const changed = await plumb(['verify', dir]);
    expect(changed.status).toBe(1);
    expect(changed.out).toContain('attempts.jsonl: changed');
    const other = await plumb(['verify', dir, '--key', join(dir, 'README.md')]);
    expect(other.status).toBe(2);
  });

  it('adds, lists and disables users, and never takes a password as an argument', async () => {
    const added = await plumb(['user', 'add', 'Admin@Example.org', '--role', 'admin', '--name', 'First Admin']);
    expect(added).toMatchObject({ status: 0, error: '' });
    expect(added.out).toMatch(/^Created admin admin@example\.org\.\nPassword: \S{20}\n$/);
    const short = await plumb(['user', 'add', 'b@example.org', '--role', 'expert', '--name', 'B', '--password-stdin'], 'short\n');
    expect(short).toMatchObject({ status: 2, error: 'A password has at least 10 characters.\n' });
    expect(
      await plumb(['user', 'add', 'b@example.org', '--role', 'expert', '--name', 'B', '--password-stdin'], 'long enough\n'),
    ).toMatchObject({ status: 0 });
    expect(await plumb(['user', 'add', 'b@example.org', '--role', 'expert', '--name', 'B'])).toMatchObject({ status: 2 });
    expect(await plumb(['user', 'disable', 'b@example.org'])).toMatchObject({ status: 0 });
    const { out } = await plumb(['user', 'list', '--json']);
    expect(
      (JSON.parse(out) as { email: string; disabledAt: string | null }[]).find(({ email }) => email === 'b@example.org')?.disabledAt,
    ).not.toBeNull();
  });

  it('shows attempts as they stand', async () => {
    const attemptId = await recorded();
    expect((await plumb(['attempt', 'list', '--state', 'completed'])).out).toContain(attemptId);
    const shown = await plumb(['attempt', 'show', attemptId]);
    expect(shown.out).toContain('9 events, 9 of them sealed, signed');
  });

  it('says what to do about what it cannot do, and exits with 2', async () => {
    expect(await plumb(['verify', 'nonsense'])).toMatchObject({
      status: 2,
      error: 'nonsense is neither a folder nor the id of an attempt.\n',
    });
    expect(await plumb(['verify', '00000000-0000-4000-8000-000000000000'])).toMatchObject({
      status: 2,
      error: 'There is no such attempt.\n',
    });
    const keyless = await plumb(['verify', '00000000-0000-4000-8000-000000000000'], '', {
      PLUMBLINE_DATA_DIR: join(folder.path, 'keyless'),
    });
    expect(keyless.status).toBe(2);
    expect(keyless.error).toContain('no recording keys that can be read. Check PLUMBLINE_DATA_DIR');
    expect((await plumb(['nonsense'])).status).toBe(2);
    const away = await plumb(['user', 'list'], '', { DATABASE_URL: '' });
    expect(away.status).toBe(2);
    expect(away.error).toContain('No embedded database runs in');
    const wrong = await plumb(['user', 'list'], '', { DATABASE_URL: 'nonsense' });
    expect(wrong.status).toBe(2);
    expect(wrong.error).toContain('DATABASE_URL must be');
    expect((await plumb(['--help'])).status).toBe(0);
  });
});
