/** What passes between a browser and a page of the sandbox, and what does not. Headers are Node's raw lists: name, value, … */

/** Of one connection only (RFC 9110, 7.6.1). `Upgrade` and `Connection` of a WebSocket are written anew. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Said by proxies before the gateway, or written anew. */
const NOT_TO_THE_SANDBOX = new Set(['host', 'origin', 'referer', 'cookie', 'expect', 'forwarded', 'via', 'x-real-ip']);

/** What a page could use to bind the browser beyond its own origin: other hosts' cookies and caches, or this host's future. */
const NOT_TO_THE_BROWSER = new Set([
  'set-cookie',
  'location',
  'clear-site-data',
  'strict-transport-security',
  'alt-svc',
  'nel',
  'report-to',
]);

export interface PortPlace {
  /** The host name's origin in the browser. */
  origin: string;
  port: number;
  cookieName: string;
}

function* pairs(raw: readonly string[]): Generator<[name: string, value: string]> {
  for (let at = 0; at + 1 < raw.length; at += 2) yield [raw[at] as string, raw[at + 1] as string];
}

/** Names that a message declares to be of its connection only. */
function connectionNames(raw: readonly string[]): Set<string> {
  const named = [...pairs(raw)].filter(([name]) => name.toLowerCase() === 'connection').flatMap(([, value]) => value.split(','));
  return new Set([...HOP_BY_HOP, ...named.map((name) => name.trim().toLowerCase())]);
}

/** Values of one header, as often as it stands there. */
export function valuesOf(raw: readonly string[], wanted: string): string[] {
  return [...pairs(raw)].flatMap(([name, value]) => (name.toLowerCase() === wanted ? [value] : []));
}

/** Values of the cookies of one name: another host may have set more of them for this one. */
export function cookieValues(raw: readonly string[], name: string): string[] {
  return cookies(raw).flatMap((cookie) => (cookie.startsWith(`${name}=`) ? [cookie.slice(name.length + 1)] : []));
}

function cookies(raw: readonly string[]): string[] {
  return valuesOf(raw, 'cookie')
    .flatMap((value) => value.split(';'))
    .map((cookie) => cookie.trim())
    .filter((cookie) => cookie !== '');
}

/**
 * The headers that the program in the sandbox gets: as if its page had been opened at `localhost:PORT`, which is what such
 * programs check, without the platform's cookies and without anything of the way there.
 */
export function toSandbox(raw: readonly string[], { origin, port }: PortPlace): string[] {
  const own = `http://localhost:${port}`;
  const dropped = connectionNames(raw);
  const headers = ['Host', `localhost:${port}`];
  for (const [name, value] of pairs(raw)) {
    const key = name.toLowerCase();
    if (dropped.has(key) || NOT_TO_THE_SANDBOX.has(key) || key.startsWith('x-forwarded-')) continue;
    headers.push(name, value);
  }
  // Only the page's own origin comes this far; a referrer may name the platform's page.
  if (valuesOf(raw, 'origin').length > 0) headers.push('Origin', own);
  const referer = valuesOf(raw, 'referer')[0];
  if (referer?.startsWith(`${origin}/`)) headers.push('Referer', own + referer.slice(origin.length));
  const kept = cookies(raw).filter((cookie) => !isPlatformCookie(cookie.split('=', 1)[0] ?? ''));
  if (kept.length > 0) headers.push('Cookie', kept.join('; '));
  return headers;
}

/** What the browser is given of an answer. A `Location` that leads elsewhere in the sandbox is not among it: see `redirectTo`. */
export function toBrowser(raw: readonly string[], place: PortPlace): string[] {
  const dropped = connectionNames(raw);
  const headers: string[] = [];
  for (const [name, value] of pairs(raw)) {
    const key = name.toLowerCase();
    if (!dropped.has(key) && !NOT_TO_THE_BROWSER.has(key)) headers.push(name, value);
  }
  for (const cookie of valuesOf(raw, 'set-cookie')) {
    const kept = hostOnly(cookie);
    if (kept !== null) headers.push('Set-Cookie', kept);
  }
  const location = valuesOf(raw, 'location')[0];
  const target = location === undefined ? null : redirectTo(location, place);
  if (target?.kind === 'follow') headers.push('Location', target.location);
  return headers;
}

/** A cookie for this host name alone, whatever domain it asks for; null for one that would stand in for the platform's. */
function hostOnly(cookie: string): string | null {
  const [pair = '', ...attributes] = cookie.split(';');
  if (isPlatformCookie(pair.split('=', 1)[0]?.trim() ?? '')) return null;
  return [pair, ...attributes.filter((attribute) => !/^\s*domain\s*(=|$)/i.test(attribute))].join(';');
}

/** Browsers compare the prefixes of cookie names without regard to case. */
function isPlatformCookie(name: string): boolean {
  return /^(__(host|secure)-)?(plumbline|next-auth)/i.test(name);
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]', '0.0.0.0', '[::]']);

/**
 * Where a redirect of a program leads: within its own port (`follow`, by the host name of the browser), to another place of
 * the web (`follow`, as it is), or to another port of a loopback (`otherPort`), which in a browser would be the person's own machine.
 */
export function redirectTo(
  location: string,
  { origin, port }: PortPlace,
): { kind: 'follow'; location: string } | { kind: 'otherPort'; port: number } | { kind: 'refused' } {
  const own = `http://localhost:${port}`;
  const url = URL.canParse(location, `${own}/`) ? new URL(location, `${own}/`) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return { kind: 'refused' };
  // What is relative to the page stays relative to it.
  if (!/^\s*([a-z][a-z0-9+.-]*:|[\\/]{2})/i.test(location)) return { kind: 'follow', location };
  if (!LOOPBACK.has(url.hostname) && !url.hostname.endsWith('.localhost')) return { kind: 'follow', location: url.href };
  const to = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  if (to === port) return { kind: 'follow', location: origin + url.href.slice(url.origin.length) };
  return url.origin === origin ? { kind: 'follow', location: url.href } : { kind: 'otherPort', port: to };
}
