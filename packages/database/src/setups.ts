import { createHash } from 'node:crypto';
import { type Dotfile, type Keymap, NO_SETUP, type Setup } from '@plumbline/core';
import type { AttemptSetup } from '@plumbline/protocol';
import { notify } from './channels.ts';
import type { Database } from './client.ts';
import { storableJson, storableText } from './storableJson.ts';
import { inTransaction, type Queryable } from './transaction.ts';

/**
 * What people bring along to their attempts. A person's own setup is theirs to change at any time; an attempt's follows it until
 * the clock starts, and then stays.
 */

export interface OmittedFile {
  path: string;
  reason: string;
}

/** An attempt's setup with what became of it in the sandbox. */
export interface SetupOfAttempt extends AttemptSetup {
  /** The sandbox has what is given here. */
  applied: boolean;
  appliedAt: Date | null;
  omitted: OmittedFile[];
  /** Why the sandbox could not be given any of it. */
  problem: string | null;
}

/** The hash by which a setup is known: two that are alike have the same. */
export function setupHash({ keymap, files }: Setup): string {
  return createHash('sha256')
    .update(JSON.stringify([keymap, files.map(({ path, text }) => [path, text])]))
    .digest('hex');
}

/** A person's own setup; without one, `NO_SETUP` and `savedAt` null. */
export async function loadPersonalSetup(db: Database, userId: string): Promise<Setup & { savedAt: Date | null }> {
  const row = await db.prisma.personalSetup.findUnique({ where: { userId } });
  if (row === null) return { ...NO_SETUP, savedAt: null };
  return { keymap: row.keymap as Keymap, files: row.files as unknown as Dotfile[], savedAt: row.savedAt };
}

/** Keeps a person's setup, which has been checked, and gives it to those of their attempts whose clock has not started. */
export function savePersonalSetup(db: Database, userId: string, setup: Setup): Promise<void> {
  return inTransaction(db, async (tx) => {
    await tx.query(
      `INSERT INTO personal_setup (user_id, keymap, files, saved_at) VALUES ($1, $2, $3::jsonb, clock_timestamp())
       ON CONFLICT (user_id) DO UPDATE SET keymap = EXCLUDED.keymap, files = EXCLUDED.files, saved_at = EXCLUDED.saved_at`,
      [userId, setup.keymap, storableJson(setup.files)],
    );
    // The attempt's row is locked: its clock starts before this or after it.
    const { rows } = await tx.query(
      `SELECT a.id FROM attempt a JOIN assignment g ON g.id = a.assignment_id JOIN participant p ON p.id = g.participant_id
       WHERE p.user_id = $1 AND a.state IN ('provisioning', 'ready') ORDER BY a.id FOR UPDATE OF a`,
      [userId],
    );
    for (const { id } of rows as { id: string }[]) {
      await takeSetup(tx, id);
      await notify(tx, 'attempt', id);
    }
  });
}

/** Gives an attempt, whose row is locked, its participant's setup as it is now. One without a setup gets none. */
export async function takeSetup(tx: Queryable, attemptId: string): Promise<void> {
  const { rows } = await tx.query(
    `SELECT s.keymap, s.files FROM attempt a JOIN assignment g ON g.id = a.assignment_id JOIN participant p ON p.id = g.participant_id
     JOIN personal_setup s ON s.user_id = p.user_id WHERE a.id = $1`,
    [attemptId],
  );
  const setup = rows[0] as Setup | undefined;
  if (setup === undefined) return;
  await tx.query(
    `INSERT INTO attempt_setup (attempt_id, keymap, files, hash, taken_at) VALUES ($1, $2, $3::jsonb, $4, clock_timestamp())
     ON CONFLICT (attempt_id) DO UPDATE SET keymap = EXCLUDED.keymap, files = EXCLUDED.files, hash = EXCLUDED.hash,
       taken_at = EXCLUDED.taken_at, problem = NULL`,
    [attemptId, setup.keymap, JSON.stringify(setup.files), setupHash(setup)],
  );
}

/** An attempt's setup, or null. */
export async function findSetup(db: Database, attemptId: string): Promise<SetupOfAttempt | null> {
  const row = await db.prisma.attemptSetup.findUnique({ where: { attemptId } });
  if (row === null) return null;
  return {
    keymap: row.keymap as Keymap,
    files: row.files as unknown as Dotfile[],
    hash: row.hash,
    applied: row.appliedHash === row.hash,
    appliedAt: row.appliedAt,
    omitted: row.omitted as unknown as OmittedFile[],
    problem: row.problem,
  };
}

/** Whether an attempt has a setup that its sandbox has not got yet, and may still get. */
export async function isSetupOnItsWay(on: Queryable, attemptId: string): Promise<boolean> {
  const { rowCount } = await on.query(
    'SELECT 1 FROM attempt_setup WHERE attempt_id = $1 AND applied_hash IS DISTINCT FROM hash AND problem IS NULL',
    [attemptId],
  );
  return rowCount !== 0;
}

/** Notes that a sandbox has been given the setup of this hash; the same may be told again. */
export async function noteSetupApplied(
  db: Database,
  attemptId: string,
  { hash, omitted, atMs }: { hash: string; omitted: readonly OmittedFile[]; atMs: number },
): Promise<void> {
  await db.pool.query('UPDATE attempt_setup SET applied_hash = $2, applied_at = $3, omitted = $4::jsonb WHERE attempt_id = $1', [
    attemptId,
    hash,
    new Date(atMs),
    storableJson(omitted),
  ]);
  await notify(db.pool, 'attempt', attemptId);
}

/** Notes that a sandbox could not be given the setup of this hash; the attempt may begin without. */
export async function noteSetupProblem(db: Database, attemptId: string, hash: string, problem: string): Promise<void> {
  await db.pool.query('UPDATE attempt_setup SET problem = $3 WHERE attempt_id = $1 AND hash = $2', [
    attemptId,
    hash,
    storableText(problem).slice(0, 500),
  ]);
}
