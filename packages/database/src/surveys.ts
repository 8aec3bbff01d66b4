import { AppError, type AttemptState } from '@plumbline/core';
import type { SurveyAnswers } from '@plumbline/protocol';
import type { Database, Survey } from './client.ts';
import { lockAttempt } from './lockedAttempt.ts';
import { storableText } from './storableJson.ts';
import { inTransaction } from './transaction.ts';

/** From the end of the clock on, so that no minute of the attempt goes into it. */
const AFTER_THE_END: readonly AttemptState[] = ['finalising', 'completed', 'void'];

/**
 * Keeps the participant's answers; answering again replaces them.
 *
 * @throws AppError `conflict` before the end of the attempt.
 */
export function answerSurvey(db: Database, attemptId: string, answers: SurveyAnswers): Promise<void> {
  return inTransaction(db, async (tx) => {
    const { state } = await lockAttempt(tx, attemptId);
    if (!AFTER_THE_END.includes(state)) throw new AppError('conflict', 'The survey opens when the attempt has ended.');
    await tx.query(
      `INSERT INTO survey (attempt_id, at, expectation, difficulty, problems, off_clock_minutes)
       VALUES ($1, clock_timestamp(), $2, $3, $4, $5)
       ON CONFLICT (attempt_id) DO UPDATE SET at = EXCLUDED.at, expectation = EXCLUDED.expectation, difficulty = EXCLUDED.difficulty,
         problems = EXCLUDED.problems, off_clock_minutes = EXCLUDED.off_clock_minutes`,
      [attemptId, answers.expectation, answers.difficulty, storableText(answers.problems), answers.offClockMinutes],
    );
  });
}

/** The participant's answers, or null. */
export function findSurvey(db: Database, attemptId: string): Promise<Survey | null> {
  return db.prisma.survey.findUnique({ where: { attemptId } });
}
