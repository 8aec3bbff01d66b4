import { NextResponse } from 'next/server';
import { errorResponse } from '@/features/platform/server/errorResponse.ts';
import { readQuery, TreeQuery } from '@/features/recording/server/queries.ts';
import { recordingIndex } from '@/features/recording/server/recordingIndex.ts';
import { recordingOf } from '@/features/recording/server/recordingOf.ts';
import { bundlesOf } from '@/features/recording/server/snapshotSource.ts';
import { snapshotTree } from '@/features/recording/server/workspaceHistory.ts';

/** The files of a snapshot of the workspace. */
export async function GET(request: Request, { params }: { params: Promise<{ attemptId: string }> }): Promise<Response> {
  try {
    const { attempt, recording } = await recordingOf((await params).attemptId);
    const query = readQuery(TreeQuery, request);
    const index = await recordingIndex(attempt, recording);
    const answer = await snapshotTree(index, await bundlesOf(attempt.id), query.commit);
    return NextResponse.json(answer, { headers: { 'Cache-Control': 'private, no-store' } });
  } catch (error) {
    return errorResponse(error);
  }
}
