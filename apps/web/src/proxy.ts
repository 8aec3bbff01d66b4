import { randomBytes } from 'node:crypto';
import { type NextRequest, NextResponse } from 'next/server';
import { platformSettings } from './features/platform/server/platform.ts';

/**
 * Gives each page its content security policy with a fresh nonce, and sends a browser that came by another name of
 * this machine to the public address, whose Origin is the only one that may change anything. It decides nothing about
 * who may see what: every page, procedure and download does that itself.
 */

const LOOPBACK_HOSTS = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Where a browser on a loopback name other than the public address should go instead; null when it is right. */
export function loopbackRedirect(requestHost: string | null, publicUrl: string): string | null {
  const target = new URL(publicUrl);
  if (!requestHost || requestHost === target.host || !LOOPBACK_HOSTS.has(target.hostname)) return null;
  const hostname = requestHost.replace(/:\d+$/, '');
  return LOOPBACK_HOSTS.has(hostname) ? target.origin : null;
}

/** The policy of a page. Styles may be inline because the editor and the terminals write theirs while they run. */
export function contentSecurityPolicy(nonce: string, publicUrl: string, development: boolean): string {
  const url = new URL(publicUrl);
  const socketOrigin = `${url.protocol === 'https:' ? 'wss' : 'ws'}://${url.host}`;
  return [
    "default-src 'self'",
    `script-src 'self' 'nonce-${nonce}' 'strict-dynamic'${development ? " 'unsafe-eval'" : ''}`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' blob: data:",
    "font-src 'self' data:",
    `connect-src 'self' ${socketOrigin}`,
    "worker-src 'self' blob:",
    "object-src 'none'",
    "frame-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');
}

export function proxy(request: NextRequest): NextResponse {
  const settings = platformSettings();
  if (request.method === 'GET') {
    const origin = loopbackRedirect(request.headers.get('host'), settings.publicUrl);
    if (origin) return NextResponse.redirect(new URL(`${request.nextUrl.pathname}${request.nextUrl.search}`, origin), 307);
  }
  const nonce = randomBytes(16).toString('base64');
  const policy = contentSecurityPolicy(nonce, settings.publicUrl, settings.nodeEnv === 'development');
  const headers = new Headers(request.headers);
  headers.set('Content-Security-Policy', policy);
  // Where to come back to after a sign-in: a layout does not know its path otherwise.
  headers.set('x-plumbline-path', `${request.nextUrl.pathname}${request.nextUrl.search}`);
  const response = NextResponse.next({ request: { headers } });
  response.headers.set('Content-Security-Policy', policy);
  return response;
}

export const config = {
  matcher: ['/((?!api/|realtime/|_next/|favicon|logo|.*\\.(?:png|svg|ico|webp)$).*)'],
};
