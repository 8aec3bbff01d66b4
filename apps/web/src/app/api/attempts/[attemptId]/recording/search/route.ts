import { NextResponse } from 'next/server';
import { errorResponse } from '@/features/platform/server/errorResponse.ts';
import { searchOutput } from '@/features/recording/server/outputSearch.ts';
import { readQuery, SearchQuery } from '@/features/recording/server/queries.ts';
import { recordingOf } from '@/features/recording/server/recordingOf.ts';

/** Lines of terminals' output that have a text. */
export async function GET(request: Request, { params }: { params: Promise<{ attemptId: string }> }): Promise<Response> {
  try {
    const { recording } = await recordingOf((await params).attemptId);
    const query = readQuery(SearchQuery, request);
    return NextResponse.json(await searchOutput(recording, query.text), { headers: { 'Cache-Control': 'private, no-store' } });
  } catch (error) {
    return errorResponse(error);
  }
}
