import { randomBytes } from 'node:crypto';
import { type NextRequest, NextResponse } from 'next/server';
import { contentSecurityPolicy, loopbackRedirect } from './features/platform/model/pagePolicy.ts';
import { platformSettings } from './features/platform/server/platform.ts';

/**
 * Gives each page its content security policy with a fresh nonce, and sends a browser that came by another name of
 * this machine to the public address, whose Origin is the only one that may change anything. It decides nothing about
 * who may see what: every page, procedure and download does that itself.
 */

/**
 * Sends a browser to another name of this machine. Next takes `localhost` and `127.0.0.1` for the same host and would make a
 * redirect between them relative, which leads nowhere; so the page says where to go.
 */
function goTo(url: URL): NextResponse {
  const target = url.href.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
  const html = `<!doctype html><html lang="en"><meta http-equiv="refresh" content="0;url=${target}"><title>Plumbline</title><p>Plumbline is at <a href="${target}">${target}</a>.</p></html>`;
  return new NextResponse(html, { status: 200, headers: { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' } });
}

export function proxy(request: NextRequest): NextResponse {
  const settings = platformSettings();
  if (request.method === 'GET') {
    const origin = loopbackRedirect(request.headers.get('host'), settings.publicUrl);
    if (origin) return goTo(new URL(`${request.nextUrl.pathname}${request.nextUrl.search}`, origin));
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
