import { AppError } from '@plumbline/core';
import type { RecordingDatabase } from './recordingTail.ts';
import { inTransaction, type Queryable } from './transaction.ts';

/** The index of a recording's sealed segments: which events are in which object, and where screens can be drawn from. */

/** Where a viewer of one terminal can start: the screen at this line, or the terminal's opening (an empty screen). */
export interface KeyframeIndex {
  terminal: number;
  seq: number;
  atMs: number;
  /** Bytes of output that the screen includes. */
  offset: number;
  /** Index of the line in its segment. */
  line: number;
  opened?: true;
}

export interface SegmentRow {
  n: number;
  firstSeq: number;
  lastSeq: number;
  minAtMs: number;
  maxAtMs: number;
  objectHash: string;
  objectBytes: number;
  rawBytes: number;
  root: string;
  previousRoot: string;
  keyframes: KeyframeIndex[];
}

const INSERT_SEGMENT = `
  WITH head AS (
    UPDATE attempt SET sealed_seq = $5::bigint
     WHERE id = $1::uuid AND epoch = $2::bigint AND sealed_seq = $4::bigint - 1 AND last_seq >= $5::bigint
     RETURNING id
  ), segment AS (
    INSERT INTO recording_segment
      (attempt_id, n, first_seq, last_seq, min_at_ms, max_at_ms, object_hash, object_bytes, raw_bytes, root, previous_root, keyframes)
    SELECT id, $3::int, $4::bigint, $5::bigint, $6::float8, $7::float8, $8, $9::int, $10::int, $11, $12, $13::jsonb FROM head
  ), gone AS (
    DELETE FROM recording_tail USING head WHERE attempt_id = head.id AND first_seq >= $4::bigint AND last_seq <= $5::bigint
  )
  SELECT id FROM head`;

/**
 * Puts a sealed segment into the index and takes its batches out of the tail, in one statement. Giving the same segment
 * again changes nothing. `'stale'`: another owner has the attempt.
 */
export async function insertSegment(db: RecordingDatabase, attemptId: string, epoch: number, row: SegmentRow): Promise<'sealed' | 'stale'> {
  const inserted = await db.pool.query(INSERT_SEGMENT, [
    attemptId,
    epoch,
    row.n,
    row.firstSeq,
    row.lastSeq,
    row.minAtMs,
    row.maxAtMs,
    row.objectHash,
    row.objectBytes,
    row.rawBytes,
    row.root,
    row.previousRoot,
    JSON.stringify(row.keyframes),
  ]);
  if (inserted.rowCount === 1) return 'sealed';
  const found = await db.pool.query<{ epoch: string; root: string | null }>(
    `SELECT attempt.epoch, segment.root FROM attempt
       LEFT JOIN recording_segment segment ON segment.attempt_id = attempt.id AND segment.n = $2
      WHERE attempt.id = $1`,
    [attemptId, row.n],
  );
  const now = found.rows[0];
  if (now === undefined || Number(now.epoch) !== epoch) return 'stale';
  if (now.root === row.root) return 'sealed';
  throw new AppError('internal', `Segment ${row.n} does not follow what is sealed. Open the recorder anew.`);
}

/**
 * Puts a segment with lines taken out in the place of the one whose object is `objectHash`, which is to be deleted then: it is among
 * `listReplacedObjects` until `forgetReplacedObject`. Its root is the same. With it goes the kept index, which may have what was taken out.
 *
 * @throws AppError `conflict` where another one stands there by now.
 */
export async function replaceSegment(db: RecordingDatabase, attemptId: string, objectHash: string, row: SegmentRow): Promise<void> {
  const { n, root, objectBytes, rawBytes, minAtMs, maxAtMs, keyframes } = row;
  await inTransaction(db, async (tx) => {
    const replaced = await tx.query(
      `UPDATE recording_segment
          SET object_hash = $5, replaced_object_hash = $3, object_bytes = $6, raw_bytes = $7, min_at_ms = $8, max_at_ms = $9, keyframes = $10::jsonb
        WHERE attempt_id = $1 AND n = $2 AND object_hash = $3 AND replaced_object_hash IS NULL AND root = $4`,
      [attemptId, n, objectHash, root, row.objectHash, objectBytes, rawBytes, minAtMs, maxAtMs, JSON.stringify(keyframes)],
    );
    if (replaced.rowCount !== 1) throw new AppError('conflict', `Segment ${n} was changed meanwhile. Verify the recording and try again.`);
    // After the segment, and so after whoever kept an index of the segment as it was.
    await tx.query('DELETE FROM recording_index WHERE attempt_id = $1', [attemptId]);
  });
}

/** The objects that hold what was taken out of an attempt's recording, where whoever took it out ended before they were deleted. */
export async function listReplacedObjects(db: RecordingDatabase, attemptId: string): Promise<string[]> {
  const { rows } = await db.pool.query<{ hash: string }>(
    'SELECT replaced_object_hash AS hash FROM recording_segment WHERE attempt_id = $1 AND replaced_object_hash IS NOT NULL ORDER BY n',
    [attemptId],
  );
  return rows.map(({ hash }) => hash);
}

/** Notes that a replaced segment's object is gone from the store. */
export async function forgetReplacedObject(db: RecordingDatabase, attemptId: string, objectHash: string): Promise<void> {
  await db.pool.query('UPDATE recording_segment SET replaced_object_hash = NULL WHERE attempt_id = $1 AND replaced_object_hash = $2', [
    attemptId,
    objectHash,
  ]);
}

/** The index of sealed segments with `n` above `afterN` and events from `fromSeq` on, in order. */
export async function listSegments(db: RecordingDatabase, attemptId: string, afterN = 0, fromSeq = 0): Promise<SegmentRow[]> {
  const { rows } = await db.pool.query(
    `SELECT n, first_seq, last_seq, min_at_ms, max_at_ms, object_hash, object_bytes, raw_bytes, root, previous_root, keyframes
       FROM recording_segment WHERE attempt_id = $1 AND n > $2 AND last_seq >= $3 ORDER BY n`,
    [attemptId, afterN, fromSeq],
  );
  return rows.map(toSegmentRow);
}

/** What reading needs of a segment's row. The keyframes, which are most of it, stay where they are. */
export type SegmentPlace = Pick<SegmentRow, 'n' | 'firstSeq' | 'lastSeq' | 'minAtMs' | 'maxAtMs' | 'objectHash'>;

/** Where the sealed segments with events from `fromSeq` on are, in order. */
export async function listSegmentPlaces(db: RecordingDatabase, attemptId: string, fromSeq = 0): Promise<SegmentPlace[]> {
  const { rows } = await db.pool.query(
    `SELECT n, first_seq, last_seq, min_at_ms, max_at_ms, object_hash
       FROM recording_segment WHERE attempt_id = $1 AND last_seq >= $2 ORDER BY n`,
    [attemptId, fromSeq],
  );
  return rows.map(toSegmentPlace);
}

/**
 * The last place of the sealed segments from which a terminal's screen at a time can be drawn: a keyframe or its opening. Looks
 * from the end, and at no more segments than it must.
 */
export async function lastKeyframe(
  db: RecordingDatabase,
  attemptId: string,
  terminal: number,
  atMs: number,
): Promise<{ seq: number; atMs: number } | null> {
  const { rows } = await db.pool.query<{ seq: string; at_ms: number }>(
    `SELECT place.seq, place.at_ms FROM recording_segment segment
      CROSS JOIN LATERAL (
        SELECT (item->>'seq')::bigint AS seq, (item->>'atMs')::float8 AS at_ms FROM jsonb_array_elements(segment.keyframes) AS item
         WHERE (item->>'terminal')::int = $2 AND (item->>'atMs')::float8 <= $3
         ORDER BY at_ms DESC, seq DESC LIMIT 1
      ) AS place
      WHERE segment.attempt_id = $1 AND segment.min_at_ms <= $3
      ORDER BY segment.n DESC LIMIT 1`,
    [attemptId, terminal, atMs],
  );
  return rows[0] === undefined ? null : { seq: Number(rows[0].seq), atMs: rows[0].at_ms };
}

/** The segment with the highest number, or null. */
export async function lastSegment(db: RecordingDatabase, attemptId: string): Promise<SegmentRow | null> {
  const { rows } = await db.pool.query(
    `SELECT n, first_seq, last_seq, min_at_ms, max_at_ms, object_hash, object_bytes, raw_bytes, root, previous_root, keyframes
       FROM recording_segment WHERE attempt_id = $1 ORDER BY n DESC LIMIT 1`,
    [attemptId],
  );
  return rows[0] === undefined ? null : toSegmentRow(rows[0]);
}

function toSegmentPlace(row: Record<string, unknown>): SegmentPlace {
  return {
    n: row.n as number,
    firstSeq: Number(row.first_seq),
    lastSeq: Number(row.last_seq),
    minAtMs: row.min_at_ms as number,
    maxAtMs: row.max_at_ms as number,
    objectHash: row.object_hash as string,
  };
}

function toSegmentRow(row: Record<string, unknown>): SegmentRow {
  return {
    ...toSegmentPlace(row),
    objectBytes: row.object_bytes as number,
    rawBytes: row.raw_bytes as number,
    root: row.root as string,
    previousRoot: row.previous_root as string,
    keyframes: row.keyframes as KeyframeIndex[],
  };
}

/** What each attempt's sealed recording consists of, by its id: another text once something was taken out of it, or it was erased. */
export type RecordingContents = Readonly<Record<string, string>>;

export async function readRecordingContents(on: Queryable, attemptIds: readonly string[]): Promise<RecordingContents> {
  const { rows } = await on.query(
    `SELECT id, concat(destroyed_at, ' ', (SELECT md5(string_agg(object_hash, ' ' ORDER BY n)) FROM recording_segment WHERE attempt_id = id)) AS contents
     FROM attempt LEFT JOIN recording_key ON attempt_id = id WHERE id = ANY($1::uuid[])`,
    [attemptIds],
  );
  return Object.fromEntries(rows.map(({ id, contents }) => [id, contents]));
}
