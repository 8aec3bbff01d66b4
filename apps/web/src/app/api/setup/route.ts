import { NewUser } from '@plumbline/api/routers/user';
import { AppError } from '@plumbline/core';
import { createFirstAdmin } from '@plumbline/database/users';
import { NextResponse } from 'next/server';
import { z } from 'zod';
import { errorResponse } from '@/features/platform/server/errorResponse.ts';
import { platform, platformSettings } from '@/features/platform/server/platform.ts';
import { assertShort } from '@/features/platform/server/requestSize.ts';
import { assertSameOrigin } from '@/features/session/server/sameOrigin.ts';

const FirstAdmin = NewUser.omit({ role: true });

/** Makes the first account of an empty installation. There is nobody yet to be authorised; with one account it refuses for ever. */
export async function POST(request: Request): Promise<Response> {
  try {
    assertSameOrigin(request, platformSettings().publicUrl);
    assertShort(request);
    const parsed = FirstAdmin.safeParse(await request.json().catch(() => null));
    if (!parsed.success) throw new AppError('invalid_input', z.prettifyError(parsed.error));
    await createFirstAdmin(platform().db, parsed.data);
    return NextResponse.json({ ok: true }, { status: 201 });
  } catch (error) {
    return errorResponse(error);
  }
}
