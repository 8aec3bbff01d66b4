import { NextResponse } from 'next/server';
import { errorResponse } from '@/features/platform/server/errorResponse.ts';
import { searchOutput } from '@/features/recording/server/outputSearch.ts';
import { readQuery, SearchQuery } from '@/features/recording/server/queries.ts';
import { recordingIndex } from '@/features/recording/server/recordingIndex.ts';
import { recordingOf } from '@/features/recording/server/recordingOf.ts';

/** What terminals showed that has a text, page by page. */
export async function GET(request: Request, { params }: { params: Promise<{ attemptId: string }> }): Promise<Response> {
  try {
    const { attempt, recording } = await recordingOf((await params).attemptId);
    const { text, after = null } = readQuery(SearchQuery, request);
    const index = await recordingIndex(attempt, recording);
    const { signal } = request;
    return NextResponse.json(await searchOutput({ recording, index, text, after, signal }), {
      headers: { 'Cache-Control': 'private, no-store' },
    });
  } catch (error) {
    return errorResponse(error);
  }
}
