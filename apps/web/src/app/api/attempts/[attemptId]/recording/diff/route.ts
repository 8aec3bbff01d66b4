import { NextResponse } from 'next/server';
import { errorResponse } from '@/features/platform/server/errorResponse.ts';
import { DiffQuery, readQuery } from '@/features/recording/server/queries.ts';
import { recordingIndex } from '@/features/recording/server/recordingIndex.ts';
import { recordingOf } from '@/features/recording/server/recordingOf.ts';
import { bundlesOf } from '@/features/recording/server/snapshotSource.ts';
import { snapshotDiff } from '@/features/recording/server/workspaceHistory.ts';

/** What changed in the workspace between two snapshots. */
export async function GET(request: Request, { params }: { params: Promise<{ attemptId: string }> }): Promise<Response> {
  try {
    const { attempt, recording } = await recordingOf((await params).attemptId);
    const query = readQuery(DiffQuery, request);
    const index = await recordingIndex(attempt, recording);
    const answer = await snapshotDiff(index, await bundlesOf(attempt.id), query.from, query.to);
    return NextResponse.json(answer, { headers: { 'Cache-Control': 'private, no-store' } });
  } catch (error) {
    return errorResponse(error);
  }
}
