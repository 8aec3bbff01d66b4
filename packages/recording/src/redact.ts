import { AppError } from '@plumbline/core';
import { destroyWrappedKey } from '@plumbline/database/recordingKeys';
import { readManifest } from '@plumbline/database/recordingManifests';
import { listSeals, noteSealsTakenOut } from '@plumbline/database/recordingSeals';
import { forgetReplacedObject, listReplacedObjects, listSegments, replaceSegment } from '@plumbline/database/recordingSegments';
import { type EventType, SEALED_TYPES } from '@plumbline/protocol';
import { type LinePlace, lineHead, parseLine, parseOutput, roundAtMs, TYPE_OF } from './codec.ts';
import { sealingKeys } from './encryption.ts';
import { segmentSaltKey } from './merkle.ts';
import { type EventRange, overlaps, type RecordingSource, within } from './reader.ts';
import { leafOf, openSegment, type Segment, sealLines } from './segment.ts';
import { removeStrayBlobs } from './strayBlobs.ts';
import { isWithheld, withheldLine } from './withheld.ts';

/**
 * Takes events out of a finished recording for good, and leaves what is left provable: each becomes its leaf, so roots and
 * manifest stay as they were signed. What `linesWithout` says stays, stays. Blobs (snapshots, submissions) are objects of their own and
 * stay. First it deletes what a redaction that was cut short left in the store.
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
    const { lines, takenOut } = linesWithout(segment, isMeant, (line, i) => leafOf(saltKey, line, i));
    if (takenOut === 0) continue;
    withheld += takenOut;
    const sealed = await sealLines(sealing, attemptId, row.n, { ...segment, lines });
    await store.put(sealed.row.objectHash, sealed.object);
    await replaceSegment(db, attemptId, row.objectHash, sealed.row);
    await deleteReplaced(source);
  }
  return { withheld };
}

/**
 * A segment's lines with those that are meant as leaves. What has none of a stretch's content and is needed after it stays: a gap that
 * stands for several events, and a terminal's size, which all that is drawn later depends on. Output goes whole that begins with bytes
 * of one that goes: the first half of a character that was split between them.
 */
export function linesWithout(
  { header, lines }: Pick<Segment, 'header' | 'lines'>,
  isMeant: (place: LinePlace) => boolean,
  leaf: (line: Buffer, index: number) => Buffer,
): { lines: Buffer[]; takenOut: number } {
  let takenOut = 0;
  const lastOutputGoes = new Map<number, boolean>();
  const left = lines.map((line, i) => {
    if (isWithheld(line)) return line;
    const { dt, code, stream } = lineHead(line);
    const type = TYPE_OF.get(code) as EventType;
    const isNeeded = type === 'terminal.resized' || isNeededGap(type, line, header.baseMs);
    const isOutput = type === 'terminal.output';
    const isSplit = isOutput && lastOutputGoes.get(stream) === true && joinedBytes(line, header.baseMs) > 0;
    const isOwn = !isNeeded && isMeant({ seq: header.firstSeq + i, atMs: roundAtMs(header.baseMs + dt), type, stream });
    // What was handed on to a line stays in it, so that the next one has nothing of what is meant.
    if (isOutput) lastOutputGoes.set(stream, isOwn);
    if (!isOwn && !isSplit) return line;
    takenOut += 1;
    return withheldLine(leaf(line, i));
  });
  return { lines: left, takenOut };
}

function joinedBytes(line: Buffer, baseMs: number): number {
  return parseOutput(parseLine(line.toString('utf8'), baseMs).data).joined;
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

/** Destroys a recording's key, and removes its segments and blobs: what stays is its tombstone, the rows with their roots and the manifest. */
export async function eraseRecording(source: Omit<RecordingSource, 'keys'>): Promise<void> {
  const { db, store, attemptId } = source;
  const rows = await listSegments(db, attemptId);
  await destroyWrappedKey(db, attemptId);
  await deleteReplaced(source);
  for (const { objectHash } of rows) await store.delete(objectHash);
  while ((await removeStrayBlobs({ db, store }, attemptId)) > 0);
}
