import { AppError } from '@plumbline/core';
import type { Pool } from 'pg';
import { notify } from './channels.ts';
import { inTransaction } from './transaction.ts';

/**
 * The recording's rows: the tail of committed batches, the marks of their sources, the index of sealed segments. Every
 * write is one statement that checks the attempt's epoch first, so that an owner that was overtaken writes nothing.
 * Batches are opaque here.
 */

/** All that these functions need of a `Database`. */
export interface RecordingDatabase {
  pool: Pool;
}

/** A statement that hangs is given up and tried again: committing a batch twice is harmless, see `appendBatch`. */
const STATEMENT_TIMEOUT_MS = 10_000;

export interface EpochClaim {
  epoch: number;
  /** Last `seq` that is durable; 0 for an empty recording. */
  lastSeq: number;
  /** The highest number that a terminal has had; 0 before the first. */
  lastTerminal: number;
  /** Bytes of all lines so far. */
  rawBytes: number;
  /** Highest number taken from each source. */
  sources: Map<string, number>;
  /** When the last event of each tab was, in milliseconds since the epoch; none of one that was recorded before this was kept. */
  times: Map<string, number>;
}

/**
 * Takes the attempt over: from here on only the returned epoch may write its recording. `tokenHash` must be the live
 * runner's, or nothing is taken and the answer is null; `null` is for the platform itself, when no runner is left to ask.
 */
export async function claimEpoch(db: RecordingDatabase, attemptId: string, tokenHash: string | null): Promise<EpochClaim | null> {
  const claimed = await db.pool.query<{ epoch: string; last_seq: string; last_terminal: number; raw_bytes: string }>(
    `UPDATE attempt SET epoch = epoch + 1
      WHERE id = $1 AND ($2::text IS NULL OR runner_token_hash = $2)
      RETURNING epoch, last_seq, last_terminal, raw_bytes`,
    [attemptId, tokenHash],
  );
  const row = claimed.rows[0];
  if (row === undefined) return null;
  // Read after the epoch is raised: whatever the old owner could still commit is in.
  const { epoch, last_seq: lastSeq, last_terminal: lastTerminal } = row;
  const { rows } = await db.pool.query<{ source: string; mark: string; at_ms: number | null }>(
    'SELECT source, mark, at_ms FROM recording_source WHERE attempt_id = $1 ORDER BY source',
    [attemptId],
  );
  const sources = new Map(rows.map(({ source, mark }) => [source, Number(mark)]));
  const times = new Map(rows.flatMap(({ source, at_ms: atMs }) => (atMs === null ? [] : [[source, atMs] as const])));
  return { epoch: Number(epoch), lastSeq: Number(lastSeq), lastTerminal, rawBytes: Number(row.raw_bytes), sources, times };
}

/** Highest durable number of each source of an attempt. */
export async function readSources(db: RecordingDatabase, attemptId: string): Promise<Map<string, number>> {
  const { rows } = await db.pool.query<{ source: string; mark: string }>(
    'SELECT source, mark FROM recording_source WHERE attempt_id = $1 ORDER BY source',
    [attemptId],
  );
  return new Map(rows.map((row) => [row.source, Number(row.mark)]));
}

export interface TailAppend {
  attemptId: string;
  epoch: number;
  /** The `seq` of the batch's first event: one more than what is durable. */
  firstSeq: number;
  count: number;
  /** Size of the batch's lines before compression. */
  rawBytes: number;
  batch: Uint8Array;
  marks: ReadonlyMap<string, number>;
  /** When the last event of each tab was, in milliseconds since the epoch; what is known of others stays. */
  times: ReadonlyMap<string, number>;
}

const APPEND = `
  WITH head AS (
    UPDATE attempt SET last_seq = last_seq + $4::bigint, raw_bytes = raw_bytes + $5::bigint
     WHERE id = $1::uuid AND epoch = $2::bigint AND last_seq = $3::bigint - 1
     RETURNING last_seq
  ), tail AS (
    INSERT INTO recording_tail (attempt_id, first_seq, last_seq, epoch, raw_bytes, batch)
    SELECT $1::uuid, $3::bigint, head.last_seq, $2::bigint, $5::bigint, $6::bytea FROM head
  ), marks AS (
    INSERT INTO recording_source (attempt_id, source, mark, at_ms)
    SELECT $1::uuid, given.* FROM head, unnest($7::text[], $8::bigint[], $9::float8[]) AS given (source, mark, at_ms)
    ON CONFLICT (attempt_id, source) DO UPDATE SET mark = EXCLUDED.mark, at_ms = coalesce(EXCLUDED.at_ms, recording_source.at_ms)
  )
  SELECT last_seq FROM head`;

/**
 * Commits one batch: rows, counters and marks in one statement and one round trip. Giving the same batch again after a
 * lost answer is recognised and changes nothing. `'stale'`: another owner has the attempt, and nothing was written.
 */
export async function appendBatch(db: RecordingDatabase, append: TailAppend): Promise<{ firstSeq: number } | 'stale'> {
  const { attemptId, epoch, firstSeq, count, rawBytes, batch, marks, times } = append;
  const appended = await db.pool.query({
    name: 'recording_append',
    text: APPEND,
    values: [
      ...[attemptId, epoch, firstSeq, count, rawBytes, batch],
      ...[[...marks.keys()], [...marks.values()], [...marks.keys()].map((source) => times.get(source) ?? null)],
    ],
    query_timeout: STATEMENT_TIMEOUT_MS,
  } as { text: string; values: unknown[] });
  if (appended.rowCount === 1) return { firstSeq };
  const found = await db.pool.query<{ epoch: string; last_seq: string; same: boolean | null }>(
    `SELECT attempt.epoch, attempt.last_seq, tail.batch = $3 AS same
       FROM attempt LEFT JOIN recording_tail tail ON tail.attempt_id = attempt.id AND tail.first_seq = $2
      WHERE attempt.id = $1`,
    [attemptId, firstSeq, batch],
  );
  const row = found.rows[0];
  if (row === undefined || Number(row.epoch) !== epoch) return 'stale';
  if (row.same === true && Number(row.last_seq) === firstSeq + count - 1) return { firstSeq };
  throw new AppError(
    'internal',
    `The recording stands at ${row.last_seq}, so a batch cannot follow at ${firstSeq}. Open the recorder anew.`,
  );
}

export interface TailRow {
  firstSeq: number;
  lastSeq: number;
  epoch: number;
  rawBytes: number;
  batch: Buffer;
}

/**
 * Batches in order, from the one that holds `fromSeq`; at most `limit`, and none after those whose lines reach `bytesMax`
 * bytes, so that a long tail is never read whole for the sake of its beginning.
 */
export async function readTail(
  db: RecordingDatabase,
  attemptId: string,
  fromSeq: number,
  limit: number,
  bytesMax = Number.MAX_SAFE_INTEGER,
): Promise<TailRow[]> {
  const { rows } = await db.pool.query<{ first_seq: string; last_seq: string; epoch: string; raw_bytes: number; batch: Buffer }>(
    `SELECT first_seq, last_seq, epoch, raw_bytes, batch FROM (
       SELECT *, sum(raw_bytes) OVER (ORDER BY first_seq) - raw_bytes AS bytes_before FROM (
         SELECT * FROM recording_tail WHERE attempt_id = $1 AND last_seq >= $2 ORDER BY first_seq LIMIT $3
       ) AS page
     ) AS counted WHERE bytes_before < $4::bigint ORDER BY first_seq`,
    [attemptId, fromSeq, limit, bytesMax],
  );
  return rows.map((row) => ({
    firstSeq: Number(row.first_seq),
    lastSeq: Number(row.last_seq),
    epoch: Number(row.epoch),
    rawBytes: row.raw_bytes,
    batch: row.batch,
  }));
}

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

export interface RecordingState {
  epoch: number;
  lastSeq: number;
  sealedSeq: number;
  rawBytes: number;
}

/** The attempt's recording counters. Throws `not_found`. */
export async function readRecordingState(db: RecordingDatabase, attemptId: string): Promise<RecordingState> {
  const { rows } = await db.pool.query<{ epoch: string; last_seq: string; sealed_seq: string; raw_bytes: string }>(
    'SELECT epoch, last_seq, sealed_seq, raw_bytes FROM attempt WHERE id = $1',
    [attemptId],
  );
  const row = rows[0];
  if (row === undefined) throw new AppError('not_found', 'There is no such attempt.');
  return { epoch: Number(row.epoch), lastSeq: Number(row.last_seq), sealedSeq: Number(row.sealed_seq), rawBytes: Number(row.raw_bytes) };
}

/** The wrapped data key: `absent` where none was made, `destroyed` where the recording was erased. */
export async function readWrappedKey(db: RecordingDatabase, attemptId: string): Promise<Buffer | 'absent' | 'destroyed'> {
  const { rows } = await db.pool.query<{ wrapped: Buffer | null }>('SELECT wrapped FROM recording_key WHERE attempt_id = $1', [attemptId]);
  if (rows[0] === undefined) return 'absent';
  return rows[0].wrapped ?? 'destroyed';
}

/** Keeps `wrapped` unless the attempt has a key already; the one that counts is read back by `readWrappedKey`. */
export async function insertWrappedKey(db: RecordingDatabase, attemptId: string, wrapped: Uint8Array): Promise<void> {
  await db.pool.query('INSERT INTO recording_key (attempt_id, wrapped) VALUES ($1, $2) ON CONFLICT (attempt_id) DO NOTHING', [
    attemptId,
    wrapped,
  ]);
}

/** Erases a recording for good: without its key no sealed object can be opened. Roots and manifest stay as its tombstone. */
export async function destroyWrappedKey(db: RecordingDatabase, attemptId: string): Promise<void> {
  await db.pool.query(
    `INSERT INTO recording_key (attempt_id, wrapped, destroyed_at) VALUES ($1, NULL, now())
     ON CONFLICT (attempt_id) DO UPDATE SET wrapped = NULL, destroyed_at = COALESCE(recording_key.destroyed_at, now())`,
    [attemptId],
  );
  await db.pool.query('DELETE FROM recording_index WHERE attempt_id = $1', [attemptId]);
  await notify(db.pool, 'erased', attemptId);
}

export interface ManifestRow {
  manifest: string;
  signature: string;
}

/**
 * Keeps the signed manifest under the epoch. One that stands already is replaced: a recording that was finished, and went on
 * because its owner died before it could say so, is signed again. `'stale'`: another owner has the attempt.
 */
export async function storeManifest(db: RecordingDatabase, attemptId: string, epoch: number, row: ManifestRow): Promise<'kept' | 'stale'> {
  const { rows } = await db.pool.query<{ epoch: string }>(
    `WITH owner AS (
       SELECT id, epoch FROM attempt WHERE id = $1::uuid
     ), kept AS (
       INSERT INTO recording_manifest (attempt_id, manifest, signature)
       SELECT id, $3, $4 FROM owner WHERE epoch = $2::bigint
       ON CONFLICT (attempt_id) DO UPDATE SET manifest = EXCLUDED.manifest, signature = EXCLUDED.signature, signed_at = now()
     )
     SELECT epoch FROM owner`,
    [attemptId, epoch, row.manifest, row.signature],
  );
  return rows[0] !== undefined && Number(rows[0].epoch) === epoch ? 'kept' : 'stale';
}

/** The signed manifest of a finished recording, or null. */
export async function readManifest(db: RecordingDatabase, attemptId: string): Promise<ManifestRow | null> {
  const { rows } = await db.pool.query<ManifestRow>('SELECT manifest, signature FROM recording_manifest WHERE attempt_id = $1', [
    attemptId,
  ]);
  return rows[0] ?? null;
}
