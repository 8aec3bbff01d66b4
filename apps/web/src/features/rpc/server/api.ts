import { type ApiContext, createCaller } from '@plumbline/api';
import { TRPCError } from '@trpc/server';
import { forbidden, notFound, redirect } from 'next/navigation';
import { cache } from 'react';
import { lastInputAtMs } from '../../live/server/lastInput.ts';
import { pauseLive } from '../../live/server/pauseLive.ts';
import { platform } from '../../platform/server/platform.ts';
import { currentSession } from '../../session/server/currentActor.ts';

/** The context of a procedure for this request. */
export async function apiContext(): Promise<ApiContext> {
  const { db, clock, settings } = platform();
  const session = await currentSession();
  const { workspaceRetentionMs } = settings;
  const { actor = null, sessionId = null } = session ?? {};
  return { actor, sessionId, db, clock, workspaceRetentionMs, lastInputAtMs, pauseLive };
}

/** The procedures, called from a page on the server: the same authorisation as from a browser, without a request. */
export const api = cache(async () => createCaller(await apiContext()));

/** Answers a page's call, or shows the page that stands for its refusal. */
export async function orRefuse<T>(answer: Promise<T>, path: string): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof TRPCError) {
      if (error.code === 'UNAUTHORIZED') redirect(`/sign-in?from=${encodeURIComponent(path)}`);
      if (error.code === 'FORBIDDEN') forbidden();
      // A malformed id is as little there as an unknown one.
      if (error.code === 'NOT_FOUND' || error.code === 'BAD_REQUEST') notFound();
    }
    throw error;
  }
}
