/** A signed-in person without a browser: what chaos runs, load and hostile-input tests speak with. */
export class Session {
  readonly baseUrl: string;
  readonly #cookies = new Map<string, string>();

  private constructor(baseUrl: string) {
    this.baseUrl = baseUrl;
  }

  static async signIn(baseUrl: string, email: string, password: string): Promise<Session> {
    const session = new Session(baseUrl);
    const { csrfToken } = (await (await session.fetch('/api/auth/csrf')).json()) as { csrfToken: string };
    const response = await session.fetch('/api/auth/callback/credentials', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ csrfToken, email, password, json: 'true' }).toString(),
      redirect: 'manual',
    });
    const { url } = (await response
      .clone()
      .json()
      .catch(() => ({}))) as { url?: string };
    if (response.status !== 200 || url === undefined || url.includes('error')) {
      throw new Error(`sign-in of ${email} failed: ${response.status} ${await response.text()}`);
    }
    return session;
  }

  /** Like `fetch`, with this person's cookies and the page's Origin. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('cookie', [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '));
    if (!headers.has('origin')) headers.set('origin', this.baseUrl);
    const response = await fetch(this.baseUrl + path, { ...init, headers });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (name !== undefined && value !== undefined) this.#cookies.set(name, value);
    }
    return response;
  }

  async query<T>(procedure: string, input?: unknown): Promise<T> {
    const query = input === undefined ? '' : `?input=${encodeURIComponent(JSON.stringify({ json: input }))}`;
    return unwrap(await this.fetch(`/api/trpc/${procedure}${query}`), procedure);
  }

  async mutate<T>(procedure: string, input: unknown): Promise<T> {
    return unwrap(
      await this.fetch(`/api/trpc/${procedure}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ json: input }),
      }),
      procedure,
    );
  }
}

async function unwrap<T>(response: Response, procedure: string): Promise<T> {
  const text = await response.text();
  let body: { result?: { data?: { json?: T } }; error?: { json?: { message?: string; data?: { code?: string } } } };
  try {
    body = JSON.parse(text);
  } catch {
    throw new Error(`${procedure}: ${response.status} ${text.slice(0, 200)}`);
  }
  if (body.error !== undefined) throw new Error(`${procedure}: ${body.error.json?.data?.code}: ${body.error.json?.message}`);
  return body.result?.data?.json as T;
}
