import { authorised, router } from '../procedure.ts';
import { ATTEMPT_INCLUDE, attemptSummary, environmentSettings, toScoreRow } from '../views/attemptView.ts';

/** Attempts that have a sandbox now, for those who look after them. */
export const liveRouter = router({
  list: authorised('attempt.listLive').query(async ({ ctx }) => {
    const nowMs = ctx.clock.nowMs();
    const attempts = await ctx.db.prisma.attempt.findMany({
      where: { state: { in: ['provisioning', 'ready', 'running', 'paused', 'finalising'] } },
      include: { ...ATTEMPT_INCLUDE, sources: { where: { source: { startsWith: 'input:' } } } },
      orderBy: { createdAt: 'asc' },
    });
    return attempts.map((attempt) => {
      const settings = environmentSettings(attempt.assignment.environment);
      const lastScore = attempt.scores.findLast((row) => row.trigger !== 'start');
      return {
        ...attemptSummary(attempt, ctx.actor, { nowMs, scoresVisible: true }),
        progress: attempt.progress,
        linkAgeMs: attempt.linkHeartbeatAt ? nowMs - attempt.linkHeartbeatAt.getTime() : null,
        isolation: attempt.isolation,
        // Counts blocks of input; that it grew since the last look is what says that somebody types.
        inputBlocks: attempt.sources.reduce((sum, source) => sum + Number(source.mark), 0),
        lastScore: lastScore ? toScoreRow(lastScore, settings, true) : null,
      };
    });
  }),
});
