import { AppError } from '@plumbline/core';
import type { Pool } from 'pg';

/**
 * The ownership of a recording and its tail: committed batches and the marks of their sources. Every write is one statement that
 * checks the attempt's epoch first, so that an owner that was overtaken writes nothing. Batches are opaque here.
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
  const rows = await readSourceRows(db, attemptId);
  const sources = new Map(rows.map(({ source, mark }) => [source, mark]));
  const times = new Map(rows.flatMap(({ source, atMs }) => (atMs === null ? [] : [[source, atMs] as const])));
  return { epoch: Number(epoch), lastSeq: Number(lastSeq), lastTerminal, rawBytes: Number(row.raw_bytes), sources, times };
}

/** Highest durable number of each source of an attempt. */
export async function readSources(db: RecordingDatabase, attemptId: string): Promise<Map<string, number>> {
  return new Map((await readSourceRows(db, attemptId)).map(({ source, mark }) => [source, mark]));
}

async function readSourceRows(db: RecordingDatabase, attemptId: string): Promise<{ source: string; mark: number; atMs: number | null }[]> {
  const { rows } = await db.pool.query<{ source: string; mark: string; at_ms: number | null }>(
    'SELECT source, mark, at_ms FROM recording_source WHERE attempt_id = $1 ORDER BY source',
    [attemptId],
  );
  return rows.map(({ source, mark, at_ms: atMs }) => ({ source, mark: Number(mark), atMs }));
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
