import type { AppRouter } from '@plumbline/api';
import type { inferRouterOutputs } from '@trpc/server';

/** An attempt as `attempt.get` answers it. */
export type AttemptDetail = inferRouterOutputs<AppRouter>['attempt']['get'];
