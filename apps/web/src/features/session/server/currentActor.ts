import type { Actor } from '@plumbline/core';
import { loadSession } from '@plumbline/database/sessions';
import { cookies } from 'next/headers';
import { decode } from 'next-auth/jwt';
import { cache } from 'react';
import { authSecret, platform } from '../../platform/server/platform.ts';
import { sessionCookieName } from '../model/sessionCookie.ts';

export interface CurrentSession {
  sessionId: string;
  actor: Actor;
}

async function sessionIdOf(cookie: string | undefined): Promise<string | null> {
  if (!cookie) return null;
  try {
    const token = await decode({ token: cookie, secret: authSecret() });
    return typeof token?.sid === 'string' ? token.sid : null;
  } catch {
    // Sealed with another secret, or cut short: the same as no cookie.
    return null;
  }
}

/**
 * Who asks: session, user and role, read from the database once per request. Null for nobody, for a session that has ended
 * or run out, and for a user who has been disabled.
 */
export const currentSession = cache(async (): Promise<CurrentSession | null> => {
  const { settings, db } = platform();
  const sessionId = await sessionIdOf((await cookies()).get(sessionCookieName(settings.publicUrl))?.value);
  if (sessionId === null) return null;
  const session = await loadSession(db, sessionId);
  return session ? { sessionId, actor: { userId: session.userId, role: session.role } } : null;
});

export async function currentActor(): Promise<Actor | null> {
  return (await currentSession())?.actor ?? null;
}
