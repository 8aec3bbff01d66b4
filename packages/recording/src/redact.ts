import { AppError } from '@plumbline/core';
import { destroyWrappedKey } from '@plumbline/database/recordingKeys';
import { readManifest } from '@plumbline/database/recordingManifests';
import { listSeals, noteSealsTakenOut } from '@plumbline/database/recordingSeals';
import { forgetReplacedObject, listReplacedObjects, listSegments, replaceSegment } from '@plumbline/database/recordingSegments';
import { type EventType, SEALED_TYPES } from '@plumbline/protocol';
import { lineHead, parseLine, roundAtMs, TYPE_OF } from './codec.ts';
import { sealingKeys } from './encryption.ts';
import { segmentSaltKey } from './merkle.ts';
import { type EventRange, overlaps, type RecordingSource, within } from './reader.ts';
import { leafOf, openSegment, sealLines } from './segment.ts';
import { isWithheld, withheldLine } from './withheld.ts';

/**
 * Takes events out of a finished recording for good, and leaves what is left provable: each becomes its leaf, so roots and
 * manifest stay as they were signed. A gap that stands for several events stays, which has none of their content. Blobs (snapshots, submissions) are objects of their own and stay. First it deletes what a
 * redaction that was cut short left in the store.
 */
export async function redactRecording(source: RecordingSource, range: EventRange): Promise<{ withheld: number }> {
  const { db, store, keys, attemptId } = source;
  if ((await readManifest(db, attemptId)) === null)
    throw new AppError('conflict', 'This recording is not finished: events can be taken out once its manifest is signed.');
  const dataKey = await keys.findDataKey(db, attemptId);
  if (typeof dataKey === 'string') throw new AppError('conflict', 'The recording of this attempt was erased.');
  const sealing = sealingKeys(dataKey);
  await deleteReplaced(source);
  const isMeant = within(range);
  let withheld = 0;
  for (const row of await listSegments(db, attemptId)) {
    if (row.lastSeq < (range.fromSeq ?? 1) || row.firstSeq > (range.toSeq ?? row.firstSeq) || !overlaps(row, range)) continue;
    const segment = await openSegment(sealing, attemptId, row.n, await store.get(row.objectHash));
    const saltKey = segmentSaltKey(sealing.salt, attemptId, row.n);
    const before = withheld;
    const lines = segment.lines.map((line, i) => {
      if (isWithheld(line)) return line;
      const { dt, code, stream } = lineHead(line);
      const atMs = roundAtMs(segment.header.baseMs + dt);
      const type = TYPE_OF.get(code) as EventType;
      if (!isMeant({ seq: row.firstSeq + i, atMs, type, stream }) || isNeededGap(type, line, segment.header.baseMs)) return line;
      withheld += 1;
      return withheldLine(leafOf(saltKey, line, i));
    });
    if (withheld === before) continue;
    const sealed = await sealLines(sealing, attemptId, row.n, { ...segment, lines });
    await store.put(sealed.row.objectHash, sealed.object);
    await replaceSegment(db, attemptId, row.objectHash, sealed.row);
    await deleteReplaced(source);
  }
  return { withheld };
}

/** A gap of several numbers says why those before it are nowhere: without its text the recording could not be told from a damaged one. */
function isNeededGap(type: EventType, line: Buffer, baseMs: number): boolean {
  if (type !== 'connection.gap') return false;
  const { from, to } = parseLine(line.toString('utf8'), baseMs).data as { from: number; to: number };
  return to > from;
}

async function deleteReplaced({ db, store, attemptId }: Omit<RecordingSource, 'keys'>): Promise<void> {
  for (const objectHash of await listReplacedObjects(db, attemptId)) {
    await store.delete(objectHash);
    await forgetReplacedObject(db, attemptId, objectHash);
  }
}

/** Takes out of a finished recording what its participant had sealed. Doing it again changes nothing. */
export async function takeOutSealed(source: RecordingSource): Promise<void> {
  const types = new Set(SEALED_TYPES);
  for (const { fromMs, toMs } of await listSeals(source.db, source.attemptId)) await redactRecording(source, { fromMs, toMs, types });
  await noteSealsTakenOut(source.db, source.attemptId);
}

/** Destroys a recording's key, and removes its segments: what stays is its tombstone, the rows with their roots and the manifest. */
export async function eraseRecording(source: Omit<RecordingSource, 'keys'>): Promise<void> {
  const { db, store, attemptId } = source;
  const rows = await listSegments(db, attemptId);
  await destroyWrappedKey(db, attemptId);
  await deleteReplaced(source);
  for (const { objectHash } of rows) await store.delete(objectHash);
}
