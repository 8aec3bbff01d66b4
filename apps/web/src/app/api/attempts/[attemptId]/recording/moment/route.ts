import { AppError } from '@plumbline/core';
import { NextResponse } from 'next/server';
import { z } from 'zod';
import { errorResponse } from '@/features/platform/server/errorResponse.ts';
import { recordedMoment } from '@/features/recording/server/moment.ts';
import { recordingIndex } from '@/features/recording/server/recordingIndex.ts';
import { recordingOf } from '@/features/recording/server/recordingOf.ts';
import { MomentQuery } from '@/features/replay/model/recordingApi.ts';

/** What was on the screen at a moment. */
export async function GET(request: Request, { params }: { params: Promise<{ attemptId: string }> }): Promise<Response> {
  try {
    const { attempt, recording } = await recordingOf((await params).attemptId);
    const query = MomentQuery.safeParse(Object.fromEntries(new URL(request.url).searchParams));
    if (!query.success) throw new AppError('invalid_input', z.prettifyError(query.error));
    const answer = await recordedMoment(await recordingIndex(attempt, recording), recording, query.data.atMs);
    return NextResponse.json(answer, { headers: { 'Cache-Control': 'private, no-store' } });
  } catch (error) {
    return errorResponse(error);
  }
}
