import { AppError, elapsedMs, isUnderWay } from '@plumbline/core';
import { notify } from './channels.ts';
import type { Database, Note } from './client.ts';
import { lockAttempt } from './lockedAttempt.ts';
import { appendOutbox } from './outbox.ts';
import { storableText } from './storableJson.ts';
import { inTransaction } from './transaction.ts';

export type NoteRecord = Note;
/** `ai_use`: what the participant says of an AI tool that was used. */
export type NoteKind = 'note' | 'ai_use';

/** More than this is a misuse: a program's, which may write many in a second. All of them are read at once. */
const NOTES_MAX = 5_000;
const NOTES_MAX_CHARACTERS = 4 * 1024 * 1024;

/**
 * Adds a note to an attempt's research log, stamped with the clock.
 *
 * @throws AppError `clock_not_running` for an attempt that is not under way, `rate_limited` after very many.
 */
export function writeNote(db: Database, attemptId: string, text: string, kind: NoteKind = 'note'): Promise<NoteRecord> {
  return inTransaction(db, async (tx) => {
    const { state, events, limits, nowMs } = await lockAttempt(tx, attemptId);
    if (!isUnderWay(state)) throw new AppError('clock_not_running', 'Notes can be written while the attempt runs or is paused.');
    const { rows } = await tx.query(
      'SELECT coalesce(max(n), 0) + 1 AS n, coalesce(sum(length(text)), 0)::float8 AS characters FROM note WHERE attempt_id = $1',
      [attemptId],
    );
    if (rows[0].n > NOTES_MAX || rows[0].characters + text.length > NOTES_MAX_CHARACTERS)
      throw new AppError(
        'rate_limited',
        'There are very many notes already, and this one was not kept. Write into a file of the workspace.',
      );
    const note = {
      attemptId,
      n: rows[0].n as number,
      at: new Date(nowMs),
      elapsedMs: Math.round(elapsedMs(events, nowMs, limits.limitMs)),
      kind,
      text: storableText(text),
    };
    await tx.query('INSERT INTO note (attempt_id, n, at, elapsed_ms, kind, text) VALUES ($1, $2, $3, $4, $5, $6)', [
      attemptId,
      note.n,
      note.at,
      note.elapsedMs,
      note.kind,
      note.text,
    ]);
    const written = { n: note.n, text: note.text, elapsedMs: note.elapsedMs };
    await appendOutbox(tx, attemptId, kind === 'ai_use' ? 'ai_use.noted' : 'note.written', written, nowMs);
    await notify(tx, 'attempt', attemptId);
    return note;
  });
}

/** An attempt's notes in order. */
export function listNotes(db: Database, attemptId: string): Promise<NoteRecord[]> {
  return db.prisma.note.findMany({ where: { attemptId }, orderBy: { n: 'asc' } });
}
