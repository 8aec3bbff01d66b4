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
