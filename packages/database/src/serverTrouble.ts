import { AppError } from '@plumbline/core';
import pg from 'pg';

/** Of SQLSTATE: connection, resources (a full disk is 53100), the operator's stop, and what the system below the server refuses. */
const TROUBLE_CLASSES: ReadonlySet<string> = new Set(['08', '53', '57', '58']);

/** A socket's own codes, and the words in which the driver says that it got no answer. */
const AWAY_CODE = /^E[A-Z]{4,}$/;
const AWAY_WORDS = /connection|timeout/i;

/**
 * Whether a statement failed because of the server, and not of what it was asked: it is away, it stops, or its disk is full.
 */
export function isServerTrouble(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return TROUBLE_CLASSES.has((error.code ?? '').slice(0, 2));
  return (
    error instanceof Error &&
    !(error instanceof AppError) &&
    (AWAY_CODE.test(String((error as NodeJS.ErrnoException).code)) || AWAY_WORDS.test(error.message))
  );
}

/** Of SQLSTATE: data that no column takes, and what is beyond the server's limits, such as JSON that nests too deep. */
const CONTENT_CLASSES: ReadonlySet<string> = new Set(['22', '54']);

/** Whether what was to be written can never be, however often it is tried: the server refuses it as data, or it has no JSON. */
export function isRefusedAsData(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return CONTENT_CLASSES.has((error.code ?? '').slice(0, 2));
  return error instanceof RangeError;
}
