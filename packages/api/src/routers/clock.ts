import { AppError } from '@plumbline/core';
import { appendByStaff } from '@plumbline/database/clockEvents';
import { mintTicket } from '@plumbline/database/tickets';
import { CLOCK_REASON_MAX } from '@plumbline/protocol';
import { z } from 'zod';
import { authorisedOnAttempt, router } from '../procedure.ts';

const MINUTE_MS = 60_000;
const MINUTES_MAX = 24 * 60;

/** Its participant reads it in the workspace, and whoever reads the clock afterwards. */
const Reasoned = z.object({ reason: z.string().trim().min(1).max(CLOCK_REASON_MAX) });
const Correction = Reasoned.extend({
  minutes: z
    .int()
    .min(-MINUTES_MAX)
    .max(MINUTES_MAX)
    .refine((minutes) => minutes !== 0, 'No minutes were given or taken.'),
});

/** What staff do to the clock of somebody else's attempt. Each is an event of the clock with a reason, and audited. */
export const clockRouter = router({
  /** Freezes the sandbox, then stops the clock. A score that runs is cancelled. */
  pause: authorisedOnAttempt('attempt.pause')
    .input(Reasoned)
    .mutation(async ({ ctx, input: { attemptId, reason } }) => {
      if (ctx.sessionId === null) throw new AppError('forbidden', 'Your account may not do this.');
      const { ticket } = await mintTicket(ctx.db, { userId: ctx.actor.userId, sessionId: ctx.sessionId, attemptId, purpose: 'pause' });
      await ctx.pauseLive({ ticket, reason });
    }),

  /** Ends a pause that staff made; the clock goes on at once. */
  resume: authorisedOnAttempt('attempt.resume')
    .input(Reasoned)
    .mutation(async ({ ctx, input: { attemptId, reason } }) => {
      await appendByStaff(ctx.db, attemptId, { kind: 'resumed', reason }, ctx.actor.userId);
    }),

  /** Gives minutes back, or takes them where there are fewer than none. After the end it corrects the figures. */
  adjust: authorisedOnAttempt('attempt.adjust')
    .input(Correction)
    .mutation(async ({ ctx, input: { attemptId, reason, minutes } }) => {
      await appendByStaff(ctx.db, attemptId, { kind: 'adjusted', creditMs: minutes * MINUTE_MS, reason }, ctx.actor.userId);
    }),

  /** Ends the attempt as it stands: it is captured and scored as after a submission. */
  stop: authorisedOnAttempt('attempt.stop')
    .input(Reasoned)
    .mutation(async ({ ctx, input: { attemptId, reason } }) => {
      await appendByStaff(ctx.db, attemptId, { kind: 'stopped', reason }, ctx.actor.userId);
    }),
});
