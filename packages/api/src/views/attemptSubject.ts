import { AppError, type AttemptSubject } from '@plumbline/core';
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
  // One that is scored again stays a complete one to its readers.
  const state = attempt.state === 'finalising' && attempt.completedAt !== null ? 'completed' : attempt.state;
  return { ownerUserId: attempt.assignment.participant.userId, state };
}
