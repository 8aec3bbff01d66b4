import { AppError, type AttemptAct, assertCan, type ErrorCode, type GeneralAct, toAppError } from '@plumbline/core';
import { initTRPC, TRPCError } from '@trpc/server';
import superjson from 'superjson';
import { z } from 'zod';
import type { ApiContext } from './context.ts';
import { loadAttemptSubject } from './views/attemptSubject.ts';

/**
 * The only way to make a procedure: each names the act that the policy is asked about, so that a router cannot be written
 * without it. Errors of the product become tRPC errors here and nowhere else.
 */

type TrpcCode = TRPCError['code'];

const TRPC_CODES: Record<ErrorCode, TrpcCode> = {
  unauthenticated: 'UNAUTHORIZED',
  forbidden: 'FORBIDDEN',
  not_found: 'NOT_FOUND',
  conflict: 'CONFLICT',
  invalid_input: 'BAD_REQUEST',
  too_large: 'PAYLOAD_TOO_LARGE',
  clock_not_running: 'CONFLICT',
  time_expired: 'CONFLICT',
  sandbox_unavailable: 'SERVICE_UNAVAILABLE',
  scorer_failed: 'BAD_GATEWAY',
  rate_limited: 'TOO_MANY_REQUESTS',
  unavailable: 'SERVICE_UNAVAILABLE',
  internal: 'INTERNAL_SERVER_ERROR',
};

const trpc = initTRPC.context<ApiContext>().create({
  transformer: superjson,
  errorFormatter: ({ shape, error }) => {
    if (error.cause instanceof z.ZodError) {
      return {
        ...shape,
        message: z.prettifyError(error.cause),
        data: { ...shape.data, stack: undefined, code: shape.data.code, app: 'invalid_input' },
      };
    }
    const app = error.cause instanceof AppError ? error.cause.code : null;
    return { ...shape, data: { ...shape.data, stack: undefined, app } };
  },
});

export const { router, createCallerFactory } = trpc;

const base = trpc.procedure.use(async ({ next }) => {
  const result = await next();
  if (result.ok) return result;
  // tRPC's own errors (input that does not fit, an unknown procedure) already say what they are.
  if (result.error.code !== 'INTERNAL_SERVER_ERROR') return result;
  const app = toAppError(result.error.cause);
  throw new TRPCError({ code: TRPC_CODES[app.code], message: app.message, cause: app });
});

/** A procedure about no single attempt, for those who may do this act. */
export function authorised(act: GeneralAct) {
  return base.use(({ ctx, next }) => {
    assertCan(ctx.actor, act);
    return next({ ctx: { ...ctx, actor: ctx.actor } });
  });
}

/** A procedure about one attempt, named by `attemptId`, for those who may do this act to it. */
export function authorisedOnAttempt(act: AttemptAct) {
  return base.input(z.object({ attemptId: z.uuid() })).use(async ({ ctx, input, next }) => {
    if (ctx.actor === null) throw new AppError('unauthenticated', 'You are not signed in, or your sign-in has ended. Sign in again.');
    const subject = await loadAttemptSubject(ctx.db, input.attemptId);
    assertCan(ctx.actor, act, subject);
    return next({ ctx: { ...ctx, actor: ctx.actor, subject } });
  });
}
