import { NextResponse } from 'next/server';
import { errorResponse } from '@/features/platform/server/errorResponse.ts';
import { DiffQuery, readQuery } from '@/features/recording/server/queries.ts';
import { recordingIndex } from '@/features/recording/server/recordingIndex.ts';
import { recordingOf } from '@/features/recording/server/recordingOf.ts';
import { snapshotDiff } from '@/features/recording/server/workspaceHistory.ts';

/** What changed in the workspace between two snapshots. */
export async function GET(request: Request, { params }: { params: Promise<{ attemptId: string }> }): Promise<Response> {
  try {
    const { attempt, recording } = await recordingOf((await params).attemptId);
    const query = readQuery(DiffQuery, request);
    return NextResponse.json(await snapshotDiff(await recordingIndex(attempt, recording), query.from, query.to), {
      headers: { 'Cache-Control': 'private, no-store' },
    });
  } catch (error) {
    return errorResponse(error);
  }
}
