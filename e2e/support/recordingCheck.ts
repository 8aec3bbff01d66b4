import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDatabase } from '@plumbline/database';
import type { RecordingSegment } from '@plumbline/database/client';
import type { RecordedEvent } from '@plumbline/protocol';
import { loadRecordingKeys } from '@plumbline/recording';
import { openRecording } from '@plumbline/recording/reader';
import { folderStore } from '@plumbline/storage';
import type { PlatformUnderTest } from './platform.ts';
import { linesOf, type Tab } from './tab.ts';

/** All events of an attempt's recording, read as any reader does: from segments and tail. */
export async function readEvents(platform: PlatformUnderTest, attemptId: string): Promise<RecordedEvent[]> {
  const db = createDatabase(platform.databaseUrl, { poolMax: 2 });
  try {
    const keys = await loadRecordingKeys(join(platform.dataDir, 'keys'));
    const recording = await openRecording({ db, store: folderStore(join(platform.dataDir, 'store')), keys, attemptId });
    const events: RecordedEvent[] = [];
    for await (const event of recording.events()) events.push(event);
    return events;
  } finally {
    await db.close();
  }
}

/** How what is stored begins before it is encrypted: a unit, without and with the dictionary, and a snapshot. */
const PLAIN_BEGINNINGS = [Buffer.from('28b52ffd', 'hex'), Buffer.from('0228b52ffd', 'hex'), Buffer.from('# v2 git bundle')];

/** What can be read in the store as it lies there, by object: any of the texts, or a beginning that only plain content has. */
export function readableInStore(platform: PlatformUnderTest, texts: readonly string[]): string[] {
  const store = join(platform.dataDir, 'store');
  const objects = globSync('*/*/*', { cwd: store });
  if (objects.length === 0) throw new Error('nothing is stored');
  return objects.flatMap((object) => {
    const bytes = readFileSync(join(store, object));
    return [
      ...PLAIN_BEGINNINGS.filter((beginning) => bytes.subarray(0, beginning.length).equals(beginning)).map(
        (beginning) => `${object} begins with ${beginning.toString('latin1')}`,
      ),
      ...texts.filter((text) => bytes.includes(text)).map((text) => `${object} has ${text}`),
    ];
  });
}

/** Changes a byte in the middle of an attempt's second segment, as it is stored, until it is restored. */
export async function changeOneByte(
  platform: PlatformUnderTest,
  attemptId: string,
): Promise<{ segment: RecordingSegment; restore(): void }> {
  const db = createDatabase(platform.databaseUrl, { poolMax: 1 });
  const segment = await db.prisma.recordingSegment.findFirstOrThrow({ where: { attemptId }, orderBy: { n: 'asc' }, skip: 1 });
  await db.close();
  const { objectHash } = segment;
  const path = join(platform.dataDir, 'store', objectHash.slice(0, 2), objectHash.slice(2, 4), objectHash);
  const bytes = readFileSync(path);
  const changed = Buffer.from(bytes);
  const middle = Math.floor(changed.length / 2);
  changed.writeUInt8(changed.readUInt8(middle) ^ 1, middle);
  writeFileSync(path, changed);
  return { segment, restore: () => writeFileSync(path, bytes) };
}

/**
 * Holds a recording against itself and against what a tab was shown. Answers what is wrong, in words; nothing when all holds:
 * `seq` without gaps, each terminal's output without gap or double, the tab's input and its editor's events once each and in
 * order, gaps where the tab lost events and nowhere else, and every byte that the tab was shown at its offset. `lost`: where a host
 * lost its power, gaps of runners are in order, and of each terminal so many of the last bytes that were shown may be missing.
 */
export function findFaults(
  events: readonly RecordedEvent[],
  tab: Tab,
  lost: { shownBytes(terminal: number): number } | null = null,
): string[] {
  const faults: string[] = [];
  events.forEach((event, index) => {
    if (event.seq !== index + 1) faults.push(`seq ${event.seq} stands at place ${index + 1}`);
  });
  const output = new Map<number, Buffer>();
  const chunks = new Map<number, Buffer[]>();
  const lengths = new Map<number, number>();
  let inputN = 0;
  let eventN = 0;
  for (const event of events) {
    if (event.type === 'editor.changed' && event.data.tab === tab.id) {
      if (event.data.version !== eventN + 1) faults.push(`event ${event.data.version} follows ${eventN} (seq ${event.seq})`);
      eventN = event.data.version;
    }
    if (event.type === 'connection.gap' && !(lost !== null && event.data.source.startsWith('runner:'))) {
      const { source, from, to } = event.data;
      const numbers = Array.from({ length: Math.min(to - from + 1, 100_000) }, (_, i) => from + i);
      if (source !== `tab:${tab.id}` || from !== eventN + 1 || !numbers.every((n) => tab.lostEvents.has(n)))
        faults.push(`a gap is recorded after ${eventN}: ${JSON.stringify(event.data)}`);
      eventN = to;
    }
    if (event.type === 'terminal.output') {
      const length = lengths.get(event.stream) ?? 0;
      if (event.data.offset !== length)
        faults.push(`terminal ${event.stream}: output at ${event.data.offset} follows ${length} bytes (seq ${event.seq})`);
      chunks.set(event.stream, [...(chunks.get(event.stream) ?? []), Buffer.from(event.data.bytes)]);
      lengths.set(event.stream, length + event.data.bytes.length);
    }
    if (event.type === 'terminal.input' && event.data.tab === tab.id) {
      // A block of several frames is written, and recorded, once: under its last frame's number.
      if (event.data.n <= inputN) faults.push(`input ${event.data.n} follows ${inputN} (seq ${event.seq})`);
      inputN = event.data.n;
    }
  }
  if (eventN !== tab.eventCount) faults.push(`the last of ${tab.eventCount} events of the tab is recorded as ${eventN}`);
  for (const [terminal, list] of chunks) output.set(terminal, Buffer.concat(list));
  for (const [terminal, stretches] of tab.shown) {
    const last = stretches.at(-1);
    const leastBytes = (last === undefined ? 0 : last.offset + last.length) - (lost?.shownBytes(terminal) ?? 0);
    for (const { offset, bytes, length } of stretches) {
      const recorded = output.get(terminal)?.subarray(offset, offset + length) ?? Buffer.alloc(0);
      const isThere = offset + recorded.length >= Math.min(offset + length, leastBytes);
      if (!isThere || !recorded.equals(Buffer.concat(bytes).subarray(0, recorded.length))) {
        faults.push(`terminal ${terminal}: the ${length} bytes shown from ${offset} on are not what was recorded`);
      }
    }
  }
  return faults.slice(0, 20);
}

/** Whether all output that a tab was shown, in all terminals or in one, is recorded: it is shown while it is on its way there. */
export function hasAllShown(events: readonly RecordedEvent[], tab: Tab, of?: number): boolean {
  const lengths = new Map<number, number>();
  for (const event of events) {
    if (event.type === 'terminal.output') lengths.set(event.stream, event.data.offset + event.data.bytes.length);
  }
  const isRecorded = (terminal: number, { offset, length }: { offset: number; length: number }) =>
    offset + length <= (lengths.get(terminal) ?? 0);
  return [...tab.shown].every(
    ([terminal, stretches]) => (of !== undefined && of !== terminal) || stretches.every((stretch) => isRecorded(terminal, stretch)),
  );
}

/** What was typed by a tab into a terminal, as the PTY got it. */
export function recordedInput(events: readonly RecordedEvent[], tab: Tab, terminal: number): string {
  const typed = events.flatMap((event) =>
    event.type === 'terminal.input' && event.stream === terminal && event.data.tab === tab.id && event.data.bytes !== undefined
      ? [Buffer.from(event.data.bytes)]
      : [],
  );
  return Buffer.concat(typed).toString('utf8');
}

/** All output of a terminal, as recorded, as lines of text. */
export function recordedLines(events: readonly RecordedEvent[], terminal: number): string {
  return linesOf(
    Buffer.concat(events.flatMap((event) => (event.type === 'terminal.output' && event.stream === terminal ? [event.data.bytes] : []))),
  );
}
