import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appendClockEvent, createDatabase } from '@plumbline/database';
import type { RecordedEvent } from '@plumbline/protocol';
import { findStoredBlob, loadRecordingKeys, sealingKeys } from '@plumbline/recording';
import { openSegment } from '@plumbline/recording/segment';
import { folderStore } from '@plumbline/storage';
import { until } from '../support/attempt.ts';
import { expect } from '../support/fixtures.ts';
import type { PlatformUnderTest } from '../support/platform.ts';
import { plumb } from '../support/plumb.ts';
import { readEvents } from '../support/recordingCheck.ts';
import type { Session } from '../support/session.ts';
import type { Tab } from '../support/tab.ts';
import type { Witness } from './witness.ts';

/** Of the files that a shell finds in its folder: `hash  ./path`, a line each. */
const LIST_FILES = 'find . -type f -exec sha256sum {} +; echo listed-$((1+1))\n';

/** Writes the time into a file for as long as it may run: what the last snapshot has of it is when the sandbox stood still. */
const BEAT = '(while :; do date +%s%3N > beat.new; mv beat.new beat; sleep 0.02; done) & echo beats-$((1+1))\n';
/** What an attempt is left with, that ends itself then. */
const LAST_MS = 4_000;
/** What is far too late for a timer, and before the worker ends an attempt whose gateway does not. */
const LATE_MS = 2_000;

interface AttemptEnd {
  state: string;
  events: { kind: string; atMs: number }[];
  scores: { trigger: string; status: string }[];
  result: { result: unknown; clean: unknown } | null;
}

/**
 * Has an attempt run out of time, kills gateway, worker and database at once while it is being finalised, and holds what is left of it
 * against what its tab saw: when it stood still and ended, its scores, the times of events, the files of the last snapshot, and what
 * `plumb verify` says of the recording and of its export.
 */
export async function checkEnding(
  platform: PlatformUnderTest,
  session: Session,
  tab: Tab,
  { witness, terminal, saved }: { witness: Witness; terminal: number; saved: ReadonlyMap<string, string> },
): Promise<void> {
  tab.type(terminal, LIST_FILES);
  await until('the files are listed', () => tab.text(terminal).includes('listed-2'));
  const listed = new Map([...tab.text(terminal).matchAll(/^([0-9a-f]{64}) {2}\.\/(.+)$/gm)].map(([, hash, path]) => [path, hash] as const));
  expect([...listed.keys()]).toEqual(expect.arrayContaining(['ran', 'stop']));
  expect(Object.fromEntries(listed)).toMatchObject(Object.fromEntries(saved));
  tab.type(terminal, BEAT);
  await until('the time is written', () => tab.text(terminal).includes('beats-2'));
  const { attemptId } = tab;
  const deadlineMs = await leaveTime(platform, tab);
  const read = () => session.query<AttemptEnd>('attempt.get', { attemptId });
  await until('the time is over', async () => (await read()).state === 'finalising');
  for (const name of ['gateway', 'worker', 'postgres'] as const) platform.kill(name);
  await until('the attempt is completed', async () => (await read()).state === 'completed', 240_000);
  const end = await read();
  const expired = end.events.filter(({ kind }) => kind === 'expired');
  expect(expired).toHaveLength(1);
  const lateMs = (expired[0]?.atMs ?? 0) - deadlineMs;
  expect(lateMs, 'the gateway ends it, and not the worker').toBeLessThan(LATE_MS);
  expect(lateMs).toBeGreaterThan(-1_000);
  const byTrigger = (trigger: string) => end.scores.filter((row) => row.trigger === trigger).map(({ status }) => status);
  expect([byTrigger('final'), byTrigger('clean')]).toEqual([expect.arrayContaining(['scored']), expect.arrayContaining(['scored'])]);
  expect(end.result).toMatchObject({ result: expect.anything(), clean: expect.anything() });
  const events = await readEvents(platform, attemptId);
  const sealed = await readSealed(platform, attemptId, events);
  expect(witness.faults(events, sealed.sources)).toEqual([]);
  expect(sealed.files).toMatchObject(Object.fromEntries(listed));
  const beatMs = Number(sealed.beat);
  expect(beatMs, 'programs went on until zero').toBeGreaterThan(deadlineMs - 1_000);
  expect(beatMs, 'and stood still then').toBeLessThan(deadlineMs + 1_000);

  const verified = await plumb(platform, 'verify', attemptId);
  expect(verified.output, verified.output).toContain(`: intact. ${events.length} events`);
  const dir = mkdtempSync(join(tmpdir(), 'plumbline-chaos-'));
  try {
    const out = join(dir, 'export');
    expect(await plumb(platform, 'export', '--attempt', attemptId, '--out', out)).toMatchObject({ code: 0 });
    const exported = await plumb(platform, 'verify', out);
    expect(exported, exported.output).toMatchObject({ code: 0 });
    expect(exported.output).toContain(attemptId);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Takes from an attempt what it has left, all but a little. Answers when that is used up, in milliseconds since 1970. */
async function leaveTime(platform: PlatformUnderTest, tab: Tab): Promise<number> {
  const db = createDatabase(platform.databaseUrl, { poolMax: 1 });
  try {
    const { remainingMs } = await tab.request('status', {});
    const atMs = Date.now();
    const reason = 'A test has it run out of time.';
    await appendClockEvent(db, tab.attemptId, { kind: 'adjusted', creditMs: Math.round(LAST_MS - remainingMs), reason }, { by: null });
    return atMs + LAST_MS;
  } finally {
    await db.close();
  }
}

/** Each event's source, from the heads of a finished recording's segments, the hashes of the last snapshot's files by their paths, and what `beat` has. */
async function readSealed(
  platform: PlatformUnderTest,
  attemptId: string,
  events: readonly RecordedEvent[],
): Promise<{ sources: string[]; files: Record<string, string>; beat: string }> {
  const db = createDatabase(platform.databaseUrl, { poolMax: 2 });
  const store = folderStore(join(platform.dataDir, 'store'));
  const dir = mkdtempSync(join(tmpdir(), 'plumbline-chaos-'));
  try {
    const dataKey = await (await loadRecordingKeys(join(platform.dataDir, 'keys'))).dataKey(db, attemptId);
    const sources: string[] = [];
    for (const { n, objectHash } of await db.prisma.recordingSegment.findMany({ where: { attemptId }, orderBy: { n: 'asc' } })) {
      const { runs } = (await openSegment(sealingKeys(dataKey), attemptId, n, await store.get(objectHash))).header;
      for (const [source, , lines] of runs.runs) for (let line = 0; line < lines; line++) sources.push(runs.sources[source] as string);
    }
    const git = (...args: string[]) => execFileSync('git', ['-C', dir, ...args], { maxBuffer: 1 << 28 });
    git('init', '--quiet', '--bare');
    const taken = events.flatMap((event) => (event.type === 'snapshot.taken' ? [event.data] : []));
    for (const { bundle } of taken) {
      if (bundle === undefined) continue;
      const blob = await findStoredBlob({ db, store, attemptId, dataKey }, bundle);
      if (blob === null) throw new Error(`the bundle ${bundle} is not stored`);
      await writeFile(join(dir, 'bundle'), blob.content());
      git('fetch', '--quiet', 'bundle', '+refs/*:refs/taken/*');
    }
    // The last one is that of the score that is taken after the end.
    const last = taken.at(-1);
    expect(taken.map(({ cause }) => cause)).toContain('end');
    const files: Record<string, string> = {};
    for (const entry of git('ls-tree', '-r', '-z', last?.commit ?? '')
      .toString()
      .split('\0')) {
      const [, object, path] = /^\d+ blob ([0-9a-f]+)\t(.+)$/s.exec(entry) ?? [];
      if (object !== undefined && path !== undefined)
        files[path] = createHash('sha256')
          .update(git('cat-file', 'blob', object))
          .digest('hex');
    }
    return { sources, files, beat: git('show', `${taken.at(-1)?.commit}:beat`).toString() };
  } finally {
    await db.close();
    rmSync(dir, { recursive: true, force: true });
  }
}
