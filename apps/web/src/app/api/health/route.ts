import { NextResponse } from 'next/server';
import { readHealth } from '@/features/health/server/health.ts';

export const dynamic = 'force-dynamic';

/** For load balancers, supervisors and people: 200 once all parts are up, 503 and the reasons otherwise. */
export async function GET(): Promise<Response> {
  const health = await readHealth();
  return NextResponse.json(health, { status: health.status === 'ok' ? 200 : 503, headers: { 'Cache-Control': 'no-store' } });
}
