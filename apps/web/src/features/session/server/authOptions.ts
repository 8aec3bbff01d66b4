import { endSession } from '@plumbline/database/sessions';
import { signIn } from '@plumbline/database/signIn';
import type { NextAuthOptions } from 'next-auth';
import CredentialsProvider from 'next-auth/providers/credentials';
import { authSecret, platform } from '../../platform/server/platform.ts';
import { SESSION_COOKIE_MAX_AGE_SECONDS, sessionCookieName } from '../model/sessionCookie.ts';

/**
 * Sign-in by next-auth. Its token is a sealed cookie that carries a session's id and nothing else: who that is, and whether
 * it still holds, is read from the database on each request by `currentActor`.
 */
export function authOptions(): NextAuthOptions {
  const { settings } = platform();
  const secure = settings.publicUrl.startsWith('https:');
  return {
    secret: authSecret(),
    session: { strategy: 'jwt', maxAge: SESSION_COOKIE_MAX_AGE_SECONDS },
    useSecureCookies: secure,
    cookies: {
      sessionToken: {
        name: sessionCookieName(settings.publicUrl),
        options: { httpOnly: true, sameSite: 'lax', path: '/', secure },
      },
    },
    pages: { signIn: '/sign-in', error: '/sign-in' },
    providers: [
      CredentialsProvider({
        credentials: { email: { type: 'email' }, password: { type: 'password' } },
        async authorize(credentials, request) {
          const forwarded = (request.headers as Record<string, string> | undefined)?.['x-forwarded-for'];
          const sessionId = await signIn(platform().db, {
            email: credentials?.email ?? '',
            password: credentials?.password ?? '',
            address: forwarded ?? 'unknown',
          });
          // The one field that next-auth hands on to the token.
          return { id: sessionId };
        },
      }),
    ],
    callbacks: {
      jwt: ({ token, user }) => ({ sid: user ? user.id : token.sid }),
      // Pages ask the platform who is signed in; this answer is public to the page's scripts and stays empty.
      session: ({ session }) => ({ expires: session.expires }),
    },
    events: {
      async signOut({ token }) {
        if (typeof token?.sid === 'string') await endSession(platform().db, token.sid);
      },
    },
    // Refused sign-ins are answered to the person; next-auth would print each of them with a stack.
    logger: { error: () => {}, warn: () => {}, debug: () => {} },
  };
}
