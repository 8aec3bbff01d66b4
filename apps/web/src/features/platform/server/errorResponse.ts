import { toAppError } from '@plumbline/core';
import { NextResponse } from 'next/server';

/** The answer of a route that is not a procedure to an error: its status, code and the message meant for people. */
export function errorResponse(error: unknown): NextResponse {
  const app = toAppError(error);
  if (app.code === 'internal') console.error(app.cause);
  return NextResponse.json(
    { error: { code: app.code, message: app.message } },
    { status: app.status, headers: { 'Cache-Control': 'no-store' } },
  );
}
