import { createCallerFactory, router } from './procedure.ts';
import { agreementRouter } from './routers/agreement.ts';
import { assignmentRouter } from './routers/assignment.ts';
import { attemptRouter } from './routers/attempt.ts';
import { clockRouter } from './routers/clock.ts';
import { exportRouter } from './routers/export.ts';
import { hostRouter } from './routers/host.ts';
import { liveRouter } from './routers/live.ts';
import { reviewRouter } from './routers/review.ts';
import { selfRouter } from './routers/self.ts';
import { setupRouter } from './routers/setup.ts';
import { studyRouter } from './routers/study.ts';
import { userRouter } from './routers/user.ts';

/** All procedures. Browsers know it as a type alone. */
export const appRouter = router({
  agreement: agreementRouter,
  assignment: assignmentRouter,
  attempt: attemptRouter,
  clock: clockRouter,
  export: exportRouter,
  host: hostRouter,
  live: liveRouter,
  review: reviewRouter,
  self: selfRouter,
  setup: setupRouter,
  study: studyRouter,
  user: userRouter,
});
export type AppRouter = typeof appRouter;

export const createCaller = createCallerFactory(appRouter);
