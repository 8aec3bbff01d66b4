import { AppError } from '@plumbline/core';
import { NextResponse } from 'next/server';
import { z } from 'zod';
import { errorResponse } from '@/features/platform/server/errorResponse.ts';
import { recordedMoment } from '@/features/recording/server/moment.ts';
import { recordingIndex, sentIndex } from '@/features/recording/server/recordingIndex.ts';
import { recordingOf } from '@/features/recording/server/recordingOf.ts';
import { type OpeningAnswer, OpeningQuery, openingMs } from '@/features/replay/model/recordingApi.ts';

/** What a replay needs for its first frame: where things are, and what was on the screen where it begins. */
export async function GET(request: Request, { params }: { params: Promise<{ attemptId: string }> }): Promise<Response> {
  try {
    const { attempt, recording } = await recordingOf((await params).attemptId);
    const query = OpeningQuery.safeParse(Object.fromEntries(new URL(request.url).searchParams));
    if (!query.success) throw new AppError('invalid_input', z.prettifyError(query.error));
    const index = await recordingIndex(attempt, recording);
    const atMs = openingMs(index, query.data.t);
    const answer: OpeningAnswer = { index: sentIndex(index), atMs, moment: await recordedMoment(index, recording, atMs) };
    return NextResponse.json(answer, { headers: { 'Cache-Control': 'private, no-store' } });
  } catch (error) {
    return errorResponse(error);
  }
}
