import { AppError } from '@plumbline/core';
import { agreementStandings, releaseRefusal } from '@plumbline/database/agreements';
import { scoreAgain } from '@plumbline/database/scoreAgain';
import { setReviewEnded } from '@plumbline/database/workspaces';
import { z } from 'zod';
import { authorised, authorisedOnAttempt, router } from '../procedure.ts';
import { ATTEMPT_INCLUDE, attemptSettings, attemptSummary, isOwnOf, isScoreVisibleInLists, missingScores } from '../views/attemptView.ts';

/** Finished attempts, for those who judge them or release them. */
export const reviewRouter = router({
  list: authorised('attempt.listFinished').query(async ({ ctx }) => {
    const nowMs = ctx.clock.nowMs();
    const attempts = await ctx.db.prisma.attempt.findMany({
      // A void attempt has a recording that explains why, and one that is scored again stays in view; researchers work with complete ones alone.
      where:
        ctx.actor.role === 'researcher'
          ? { state: 'completed' }
          : { OR: [{ state: { in: ['completed', 'void'] } }, { state: 'finalising', completedAt: { not: null } }] },
      include: { ...ATTEMPT_INCLUDE, manifest: { select: { signedAt: true } } },
      orderBy: { endedAt: 'desc' },
    });
    const standings = await agreementStandings(
      ctx.db.pool,
      attempts.map(({ id }) => id),
    );
    return attempts.map((attempt) => ({
      ...attemptSummary(attempt, ctx.actor, { nowMs, scoresVisible: isScoreVisibleInLists(attempt, ctx.actor) }),
      missingScores: isOwnOf(attempt.assignment.participant, ctx.actor) ? [] : missingScores(attempt, attemptSettings(attempt)),
      /** Why an export leaves it out; null where it does not. */
      releaseRefusal: releaseRefusal(standings.get(attempt.id)),
      sealedAt: attempt.manifest?.signedAt ?? null,
      recordedBytes: Number(attempt.rawBytes),
    }));
  }),

  /** Takes the scores that the platform could not take at the end: the final state's, and clean re-scores of the row that counts. */
  scoreAgain: authorisedOnAttempt('attempt.scoreAgain').mutation(async ({ ctx, input: { attemptId } }) => {
    const attempt = await ctx.db.prisma.attempt.findUniqueOrThrow({ where: { id: attemptId }, include: ATTEMPT_INCLUDE });
    if (missingScores(attempt, attemptSettings(attempt)).length === 0) {
      throw new AppError('conflict', 'No score of this attempt is missing. Reload the page.');
    }
    await scoreAgain(ctx.db, attemptId, { by: ctx.actor.userId });
  }),

  /** From the end of the review on the workspace is kept for the installation's retention alone. */
  setEnded: authorisedOnAttempt('attempt.endReview')
    .input(z.object({ ended: z.boolean() }))
    .mutation(({ ctx, input }) => setReviewEnded(ctx.db, input.attemptId, input.ended, { by: ctx.actor.userId })),
});
