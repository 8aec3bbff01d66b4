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
