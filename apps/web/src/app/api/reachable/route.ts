export const dynamic = 'force-dynamic';

/** For the gateway, which asks at the public address whether experts can open their pages. */
export function GET(): Response {
  return new Response(null, { status: 204, headers: { 'Cache-Control': 'no-store' } });
}
