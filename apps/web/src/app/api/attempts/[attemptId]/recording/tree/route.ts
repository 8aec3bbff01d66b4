import { NextResponse } from 'next/server';
import { errorResponse } from '@/features/platform/server/errorResponse.ts';
import { readQuery, TreeQuery } from '@/features/recording/server/queries.ts';
import { recordingIndex } from '@/features/recording/server/recordingIndex.ts';
import { recordingOf } from '@/features/recording/server/recordingOf.ts';
import { snapshotTree } from '@/features/recording/server/workspaceHistory.ts';

/** The files of a snapshot of the workspace. */
export async function GET(request: Request, { params }: { params: Promise<{ attemptId: string }> }): Promise<Response> {
  try {
    const { attempt, recording } = await recordingOf((await params).attemptId);
    const query = readQuery(TreeQuery, request);
    return NextResponse.json(await snapshotTree(await recordingIndex(attempt, recording), query.commit), {
      headers: { 'Cache-Control': 'private, no-store' },
    });
  } catch (error) {
    return errorResponse(error);
  }
}
