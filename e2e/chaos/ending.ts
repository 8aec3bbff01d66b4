import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDatabase } from '@plumbline/database';
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

/**
 * Ends an attempt, and holds what is left of it against what its tab saw: the times of events, the files of the last snapshot, and what
 * `plumb verify` says of the recording and of its export.
 */
export async function checkEnding(
  platform: PlatformUnderTest,
  session: Session,
  tab: Tab,
  witness: Witness,
  terminal: number,
): Promise<void> {
  tab.type(terminal, LIST_FILES);
  await until('the files are listed', () => tab.text(terminal).includes('listed-2'));
  const listed = new Map([...tab.text(terminal).matchAll(/^([0-9a-f]{64}) {2}\.\/(.+)$/gm)].map(([, hash, path]) => [path, hash] as const));
  expect([...listed.keys()]).toEqual(expect.arrayContaining(['ran', 'stop']));
  await tab.request('submit', { confirm: true });
  const { attemptId } = tab;
  await until(
    'the attempt is completed',
    async () => (await session.query<{ state: string }>('attempt.progress', { attemptId })).state === 'completed',
    120_000,
  );
  const events = await readEvents(platform, attemptId);
  const sealed = await readSealed(platform, attemptId, events);
  expect(witness.faults(events, sealed.sources)).toEqual([]);
  expect(sealed.files).toMatchObject(Object.fromEntries(listed));

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

/** Each event's source, from the heads of a finished recording's segments, and the hashes of the last snapshot's files by their paths. */
async function readSealed(
  platform: PlatformUnderTest,
  attemptId: string,
  events: readonly RecordedEvent[],
): Promise<{ sources: string[]; files: Record<string, string> }> {
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
    return { sources, files };
  } finally {
    await db.close();
    rmSync(dir, { recursive: true, force: true });
  }
}
