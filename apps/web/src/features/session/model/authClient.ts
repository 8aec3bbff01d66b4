async function csrfToken(): Promise<string> {
  const response = await fetch('/api/auth/csrf', { cache: 'no-store' });
  if (!response.ok) throw new Error('The platform did not answer.');
  return ((await response.json()) as { csrfToken: string }).csrfToken;
}

async function postForm(path: string, fields: Record<string, string>): Promise<Response> {
  return await fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ ...fields, csrfToken: await csrfToken(), callbackUrl: window.location.origin, json: 'true' }),
  });
}

/** Ends the session's row and removes its cookie. */
export async function signOut(): Promise<void> {
  const response = await postForm('/api/auth/signout', {});
  if (!response.ok) throw new Error('The platform did not answer.');
}

/** Signs in. The message of a refusal is meant to be shown. */
export async function signIn(email: string, password: string): Promise<{ ok: true } | { ok: false; message: string }> {
  const response = await postForm('/api/auth/callback/credentials', { email, password });
  const answer = (await response.json().catch(() => null)) as { url?: string; error?: { message: string } } | null;
  if (response.ok) return { ok: true };
  const message = answer?.url ? new URL(answer.url, window.location.origin).searchParams.get('error') : answer?.error?.message;
  return { ok: false, message: message ?? 'Signing in did not work: the platform did not answer as it should. Try again in a moment.' };
}
