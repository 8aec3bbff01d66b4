import { AppError } from '@plumbline/core';
import { EnvironmentSettings } from '@plumbline/taskstandard/settings';
import { recordAudit } from './audit.ts';
import type { Assignment, Database } from './client.ts';
import { refusalOf } from './hostCapacity.ts';
import { inTransaction } from './transaction.ts';
import { ensureParticipant } from './users.ts';

export interface NewAssignment {
  studyId: string;
  userId: string;
  environmentId: string;
  /** Null: as the environment says. */
  scoreVisible?: boolean | null;
  opensAt?: Date | null;
  closesAt?: Date | null;
}

/**
 * Gives a person an environment of a study to work on.
 *
 * @throws AppError `conflict` where they have it already or no host has what the environment needs, `invalid_input` for an
 *   environment that is not the study's.
 */
export async function assign(db: Database, assignment: NewAssignment, options: { by: string | null }): Promise<Assignment> {
  const { studyId, userId, environmentId } = assignment;
  const environment = await db.prisma.environment.findUnique({ where: { id: environmentId }, select: { title: true, settings: true } });
  const settings = EnvironmentSettings.safeParse(environment?.settings);
  const refused = settings.success ? await refusalOf(db, settings.data) : null;
  if (refused !== null) throw new AppError('conflict', `${environment?.title} cannot be assigned. ${refused}`);
  const id = await inTransaction(db, async (tx) => {
    const member = await tx.query('SELECT 1 FROM study_environment WHERE study_id = $1 AND environment_id = $2', [studyId, environmentId]);
    if (member.rowCount === 0) throw new AppError('invalid_input', 'This environment is not part of the study. Add it to the study first.');
    const participantId = await ensureParticipant(tx, userId);
    const { rows } = await tx.query(
      `INSERT INTO assignment (id, study_id, participant_id, environment_id, score_visible, opens_at, closes_at)
       VALUES (gen_random_uuid(), $1, $2, $3, $4, $5, $6) ON CONFLICT (study_id, participant_id, environment_id) DO NOTHING RETURNING id`,
      [studyId, participantId, environmentId, assignment.scoreVisible ?? null, assignment.opensAt ?? null, assignment.closesAt ?? null],
    );
    if (rows[0] === undefined) throw new AppError('conflict', 'This person has this environment in this study already. One attempt each.');
    await recordAudit(tx, { userId: options.by, act: 'assignment.create', subject: `assignment:${rows[0].id}`, after: assignment });
    return rows[0].id as string;
  });
  return db.prisma.assignment.findUniqueOrThrow({ where: { id } });
}
