import { setReviewEnded } from '@plumbline/database/workspaces';
import { z } from 'zod';
import { authorised, authorisedOnAttempt, router } from '../procedure.ts';
import { ATTEMPT_INCLUDE, attemptSettings, attemptSummary, missingScores } from '../views/attemptView.ts';

/** Finished attempts, for those who judge them or release them. */
export const reviewRouter = router({
  list: authorised('attempt.listFinished').query(async ({ ctx }) => {
    const nowMs = ctx.clock.nowMs();
    const attempts = await ctx.db.prisma.attempt.findMany({
      // A void attempt has a recording that explains why; researchers work with complete ones alone.
      where: { state: ctx.actor.role === 'researcher' ? 'completed' : { in: ['completed', 'void'] } },
      include: { ...ATTEMPT_INCLUDE, manifest: { select: { signedAt: true } } },
      orderBy: { endedAt: 'desc' },
    });
    return attempts.map((attempt) => ({
      ...attemptSummary(attempt, ctx.actor, { nowMs, scoresVisible: true }),
      missingScores: missingScores(attempt, attemptSettings(attempt)),
      sealedAt: attempt.manifest?.signedAt ?? null,
      recordedBytes: Number(attempt.rawBytes),
    }));
  }),

  /** From the end of the review on the workspace is kept for the installation's retention alone. */
  setEnded: authorisedOnAttempt('attempt.endReview')
    .input(z.object({ ended: z.boolean() }))
    .mutation(({ ctx, input }) => setReviewEnded(ctx.db, input.attemptId, input.ended, { by: ctx.actor.userId })),
});
