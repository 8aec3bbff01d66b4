/** The name of the cookie that carries a session id. Over https the browser itself refuses it from anywhere else. */
export function sessionCookieName(publicUrl: string): string {
  return publicUrl.startsWith('https:') ? '__Host-plumbline-session' : 'plumbline-session';
}

/** Longer than any session row lives: the row decides when a sign-in ends, the cookie only carries its id. */
export const SESSION_COOKIE_MAX_AGE_SECONDS = 14 * 24 * 3600;
