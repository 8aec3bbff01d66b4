import { AppError, type AttemptSubject, stateToReaders } from '@plumbline/core';
import type { Database } from '@plumbline/database/client';

/**
 * What the policy needs to know of an attempt.
 *
 * @throws AppError `not_found`.
 */
export async function loadAttemptSubject(db: Database, attemptId: string): Promise<AttemptSubject> {
  const attempt = await db.prisma.attempt.findUnique({
    where: { id: attemptId },
    select: { state: true, completedAt: true, assignment: { select: { participant: { select: { userId: true } } } } },
  });
  if (!attempt) throw new AppError('not_found', 'There is no such attempt.');
  return { ownerUserId: attempt.assignment.participant.userId, state: stateToReaders(attempt.state, attempt.completedAt !== null) };
}
