import { AppError } from '@plumbline/core';
import { openAttempt } from '@plumbline/database/attempts';
import { z } from 'zod';
import { authorised, router } from '../procedure.ts';
import { attemptClock, environmentSettings } from '../views/attemptView.ts';

/** What a participant has been asked to do. */
export const assignmentRouter = router({
  /** One's own assignments, those that can be worked on first. */
  mine: authorised('assignment.listOwn').query(async ({ ctx }) => {
    const nowMs = ctx.clock.nowMs();
    const assignments = await ctx.db.prisma.assignment.findMany({
      where: { participant: { userId: ctx.actor.userId } },
      include: {
        study: true,
        environment: true,
        attempt: { include: { events: { orderBy: { n: 'asc' } } } },
      },
      orderBy: { createdAt: 'asc' },
    });
    return assignments.map((assignment) => {
      const { study, environment, attempt } = assignment;
      const settings = environmentSettings(environment);
      return {
        assignmentId: assignment.id,
        title: settings.title,
        study: study.name,
        opensAt: assignment.opensAt,
        closesAt: assignment.closesAt,
        isOpen: isOpen(assignment, nowMs),
        limitMs: attempt?.limitMs ?? study.limitMs,
        payCents: study.payCents,
        currency: study.currency,
        attempt: attempt
          ? {
              attemptId: attempt.id,
              state: attempt.state,
              endReason: attempt.endReason,
              endedAt: attempt.endedAt,
              clock: attemptClock(attempt, study, nowMs),
            }
          : null,
      };
    });
  }),

  /** The attempt of one's own assignment, made on the first call. */
  open: authorised('assignment.listOwn')
    .input(z.object({ assignmentId: z.uuid() }))
    .mutation(async ({ ctx, input }) => {
      const assignment = await ctx.db.prisma.assignment.findUnique({ where: { id: input.assignmentId }, include: { participant: true } });
      if (!assignment || assignment.participant.userId !== ctx.actor.userId)
        throw new AppError('not_found', 'There is no such assignment.');
      return { attemptId: await openAttempt(ctx.db, assignment.id) };
    }),
});

/** Whether an assignment's window includes this moment; a border that is not set does not bind. */
export function isOpen(assignment: { opensAt: Date | null; closesAt: Date | null }, nowMs: number): boolean {
  return (
    (assignment.opensAt?.getTime() ?? Number.NEGATIVE_INFINITY) <= nowMs &&
    nowMs < (assignment.closesAt?.getTime() ?? Number.POSITIVE_INFINITY)
  );
}
