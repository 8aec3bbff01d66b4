import { AppError } from '@plumbline/core';
import { NextResponse } from 'next/server';
import { z } from 'zod';
import { errorResponse } from '@/features/platform/server/errorResponse.ts';
import { searchOutput } from '@/features/recording/server/outputSearch.ts';
import { recordingOf } from '@/features/recording/server/recordingOf.ts';
import { SearchQuery } from '@/features/replay/model/recordingApi.ts';

/** Lines of terminals' output that have a text. */
export async function GET(request: Request, { params }: { params: Promise<{ attemptId: string }> }): Promise<Response> {
  try {
    const { recording } = await recordingOf((await params).attemptId);
    const query = SearchQuery.safeParse(Object.fromEntries(new URL(request.url).searchParams));
    if (!query.success) throw new AppError('invalid_input', z.prettifyError(query.error));
    return NextResponse.json(await searchOutput(recording, query.data.text), { headers: { 'Cache-Control': 'private, no-store' } });
  } catch (error) {
    return errorResponse(error);
  }
}
