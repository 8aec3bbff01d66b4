import { gpuIdleMs } from '@plumbline/core';
import { writeMessage } from '@plumbline/database/messages';
import { toScoreRow } from '@plumbline/database/scoreRow';
import { z } from 'zod';
import { authorised, authorisedOnAttempt, router } from '../procedure.ts';
import { ATTEMPT_INCLUDE, attemptSettings, attemptSummary, clockActsOf, isScoreVisibleInLists } from '../views/attemptView.ts';

/** Attempts that have a sandbox now, for those who look after them. */
export const liveRouter = router({
  list: authorised('attempt.listLive').query(async ({ ctx }) => {
    const nowMs = ctx.clock.nowMs();
    const attempts = await ctx.db.prisma.attempt.findMany({
      where: { state: { in: ['provisioning', 'ready', 'running', 'paused', 'finalising'] } },
      include: { ...ATTEMPT_INCLUDE, leases: { where: { state: 'held' }, include: { host: { select: { name: true } } } } },
      orderBy: { createdAt: 'asc' },
    });
    const inputs = await Promise.all(
      attempts.map(({ id, lastSeq, sealedSeq }) =>
        ctx.lastInputAtMs({ attemptId: id, lastSeq: Number(lastSeq), sealedSeq: Number(sealedSeq) }),
      ),
    );
    return attempts.map((attempt, index) => {
      const settings = attemptSettings(attempt);
      const lastScore = attempt.scores.findLast((row) => row.trigger !== 'start');
      const inputAtMs = inputs[index] ?? null;
      const lease = attempt.leases[0] ?? null;
      const scoresVisible = isScoreVisibleInLists(attempt, ctx.actor);
      const summary = attemptSummary(attempt, ctx.actor, { nowMs, scoresVisible });
      return {
        ...summary,
        host: lease?.host?.name ?? null,
        gpus: lease === null || lease.gpuCount === 0 ? null : { count: lease.gpuCount, model: lease.gpuModel },
        /** For how long no GPU of a running attempt has been at work, on its clock. */
        gpuIdleMs:
          attempt.state === 'running'
            ? gpuIdleMs({ gpuCount: lease?.gpuCount ?? 0, elapsedMs: summary.clock.elapsedMs, busyElapsedMs: attempt.gpuBusyElapsedMs })
            : null,
        progress: attempt.progress,
        clockActs: clockActsOf(attempt, ctx.actor),
        linkAgeMs: attempt.linkHeartbeatAt ? nowMs - attempt.linkHeartbeatAt.getTime() : null,
        isolation: attempt.isolation,
        inputAgeMs: inputAtMs === null ? null : Math.max(0, nowMs - inputAtMs),
        lastScore: lastScore ? toScoreRow(lastScore, settings, scoresVisible) : null,
      };
    });
  }),

  /** Writes to the participant of an attempt that is under way. */
  message: authorisedOnAttempt('attempt.message')
    .input(z.object({ text: z.string().trim().min(1).max(20_000) }))
    .mutation(async ({ ctx, input }) => {
      const user = await ctx.db.prisma.user.findUniqueOrThrow({ where: { id: ctx.actor.userId }, select: { name: true } });
      const { n } = await writeMessage(ctx.db, input.attemptId, { author: 'staff', name: user.name, text: input.text });
      return { n };
    }),
});
