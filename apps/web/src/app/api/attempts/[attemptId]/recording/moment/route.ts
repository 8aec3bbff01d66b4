import { NextResponse } from 'next/server';
import { errorResponse } from '@/features/platform/server/errorResponse.ts';
import { recordedMoment } from '@/features/recording/server/moment.ts';
import { MomentQuery, readQuery } from '@/features/recording/server/queries.ts';
import { recordingIndex } from '@/features/recording/server/recordingIndex.ts';
import { recordingOf } from '@/features/recording/server/recordingOf.ts';

/** What was on the screen at a moment. */
export async function GET(request: Request, { params }: { params: Promise<{ attemptId: string }> }): Promise<Response> {
  try {
    const { attempt, recording } = await recordingOf((await params).attemptId);
    const query = readQuery(MomentQuery, request);
    const answer = await recordedMoment(await recordingIndex(attempt, recording), recording, query.atMs, request.signal);
    return NextResponse.json(answer, { headers: { 'Cache-Control': 'private, no-store' } });
  } catch (error) {
    return errorResponse(error);
  }
}
