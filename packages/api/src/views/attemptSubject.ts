import { AppError, type AttemptSubject, stateToReaders } from '@plumbline/core';
import type { Database } from '@plumbline/database/client';

/**
 * What the policy needs to know of an attempt.
 *
 * @throws AppError `not_found`.
 */
export async function loadAttemptSubject(db: Database, attemptId: string): Promise<AttemptSubject> {
  const subject = (await loadAttemptSubjects(db, [attemptId])).get(attemptId);
  if (!subject) throw new AppError('not_found', 'There is no such attempt.');
  return subject;
}

/** The same of several, by their ids; without those that do not exist. */
export async function loadAttemptSubjects(db: Database, attemptIds: readonly string[]): Promise<Map<string, AttemptSubject>> {
  const attempts = await db.prisma.attempt.findMany({
    where: { id: { in: [...attemptIds] } },
    select: { id: true, state: true, completedAt: true, assignment: { select: { participant: { select: { userId: true } } } } },
  });
  return new Map(
    attempts.map(({ id, state, completedAt, assignment }) => [
      id,
      { ownerUserId: assignment.participant.userId, state: stateToReaders(state, completedAt !== null) },
    ]),
  );
}
