import { AppError } from '@plumbline/core';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Refuses whatever may change something and does not come from the platform's own pages. A browser sends `Origin` with
 * every such request, so one without it is refused as well.
 *
 * @throws AppError `forbidden`.
 */
export function assertSameOrigin(request: { method: string; headers: Headers }, publicUrl: string): void {
  if (SAFE_METHODS.has(request.method)) return;
  if (request.headers.get('origin') !== publicUrl) {
    throw new AppError('forbidden', `This request did not come from ${publicUrl}. Open Plumbline at that address and try again.`);
  }
}
