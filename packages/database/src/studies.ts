import { AppError } from '@plumbline/core';
import { recordAudit } from './audit.ts';
import type { Database, Study, StudyKind } from './client.ts';
import { inTransaction } from './transaction.ts';

export interface NewStudy {
  name: string;
  kind: StudyKind;
  limitMs?: number;
  maxPauses?: number;
  maxPauseMs?: number;
  maxPauseTotalMs?: number;
  aiToolLevel?: string;
  onboarding?: string;
}

/**
 * Creates a study.
 *
 * @throws AppError `conflict` where the name is taken.
 */
export async function createStudy(db: Database, study: NewStudy, options: { by: string | null }): Promise<Study> {
  if ((await db.prisma.study.findUnique({ where: { name: study.name } })) !== null)
    throw new AppError('conflict', 'There is already a study with this name.');
  const created = await db.prisma.study.create({ data: study });
  await recordAudit(db.pool, { userId: options.by, act: 'study.create', subject: `study:${created.id}`, after: study });
  return created;
}

/** All studies, newest first. */
export function listStudies(db: Database): Promise<Study[]> {
  return db.prisma.study.findMany({ orderBy: [{ createdAt: 'desc' }, { id: 'asc' }] });
}

/**
 * Adds an environment to a study that has no attempt yet.
 *
 * @throws AppError `conflict` for a frozen study, `not_found`.
 */
export async function addEnvironmentToStudy(db: Database, studyId: string, environmentId: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    const { rows } = await tx.query('SELECT frozen_at FROM study WHERE id = $1 FOR UPDATE', [studyId]);
    if (rows[0] === undefined) throw new AppError('not_found', 'There is no such study.');
    if (rows[0].frozen_at !== null)
      throw new AppError('conflict', 'This study is frozen: its first attempt was prepared. Make a new study.');
    await tx.query('INSERT INTO study_environment (study_id, environment_id) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
      studyId,
      environmentId,
    ]);
  });
}
