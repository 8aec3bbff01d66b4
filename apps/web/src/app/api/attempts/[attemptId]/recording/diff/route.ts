import { AppError } from '@plumbline/core';
import { NextResponse } from 'next/server';
import { z } from 'zod';
import { errorResponse } from '@/features/platform/server/errorResponse.ts';
import { recordingIndex } from '@/features/recording/server/recordingIndex.ts';
import { recordingOf } from '@/features/recording/server/recordingOf.ts';
import { snapshotDiff } from '@/features/recording/server/workspaceHistory.ts';
import { DiffQuery } from '@/features/replay/model/recordingApi.ts';

/** What changed in the workspace between two snapshots. */
export async function GET(request: Request, { params }: { params: Promise<{ attemptId: string }> }): Promise<Response> {
  try {
    const { attempt, recording } = await recordingOf((await params).attemptId);
    const query = DiffQuery.safeParse(Object.fromEntries(new URL(request.url).searchParams));
    if (!query.success) throw new AppError('invalid_input', z.prettifyError(query.error));
    return NextResponse.json(await snapshotDiff(await recordingIndex(attempt, recording), query.data.from, query.data.to), {
      headers: { 'Cache-Control': 'private, no-store' },
    });
  } catch (error) {
    return errorResponse(error);
  }
}
