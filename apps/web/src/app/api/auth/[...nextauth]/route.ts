import type { NextRequest } from 'next/server';
import NextAuth from 'next-auth';
import { errorResponse } from '@/features/platform/server/errorResponse.ts';
import { platformSettings } from '@/features/platform/server/platform.ts';
import { assertShort } from '@/features/platform/server/requestSize.ts';
import { authOptions } from '@/features/session/server/authOptions.ts';
import { assertSameOrigin } from '@/features/session/server/sameOrigin.ts';

type Context = { params: Promise<{ nextauth: string[] }> };

async function handle(request: NextRequest, context: Context): Promise<Response> {
  try {
    assertSameOrigin(request, platformSettings().publicUrl);
    assertShort(request);
    return (await NextAuth(request, context as never, authOptions())) as Response;
  } catch (error) {
    return errorResponse(error);
  }
}

export { handle as GET, handle as POST };
