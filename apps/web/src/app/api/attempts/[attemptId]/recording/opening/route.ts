import { NextResponse } from 'next/server';
import { errorResponse } from '@/features/platform/server/errorResponse.ts';
import { recordedMoment } from '@/features/recording/server/moment.ts';
import { OpeningQuery, openingMs, readQuery } from '@/features/recording/server/queries.ts';
import { recordingIndex, sentIndex } from '@/features/recording/server/recordingIndex.ts';
import { recordingOf } from '@/features/recording/server/recordingOf.ts';
import type { OpeningAnswer } from '@/features/replay/model/recordingApi.ts';

/** What a replay needs for its first frame: where things are, and what was on the screen where it begins. */
export async function GET(request: Request, { params }: { params: Promise<{ attemptId: string }> }): Promise<Response> {
  try {
    const { attempt, recording } = await recordingOf((await params).attemptId);
    const query = readQuery(OpeningQuery, request);
    const index = await recordingIndex(attempt, recording);
    const atMs = openingMs(index, query.t);
    const answer: OpeningAnswer = { index: sentIndex(index), atMs, moment: await recordedMoment(index, recording, atMs, request.signal) };
    return NextResponse.json(answer, { headers: { 'Cache-Control': 'private, no-store' } });
  } catch (error) {
    return errorResponse(error);
  }
}
