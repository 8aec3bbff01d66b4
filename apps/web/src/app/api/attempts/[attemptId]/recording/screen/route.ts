import { AppError } from '@plumbline/core';
import { NextResponse } from 'next/server';
import { z } from 'zod';
import { errorResponse } from '@/features/platform/server/errorResponse.ts';
import { recordingOf } from '@/features/recording/server/recordingOf.ts';
import { type ScreenAnswer, toEventLine } from '@/features/replay/model/recordingApi.ts';

const ScreenQuery = z.object({ terminal: z.coerce.number().int().min(0), atMs: z.coerce.number() });

/** A terminal's screen at a moment: the last keyframe and what followed it. */
export async function GET(request: Request, { params }: { params: Promise<{ attemptId: string }> }): Promise<Response> {
  try {
    const { recording } = await recordingOf((await params).attemptId);
    const query = ScreenQuery.safeParse(Object.fromEntries(new URL(request.url).searchParams));
    if (!query.success) throw new AppError('invalid_input', z.prettifyError(query.error));
    const { keyframe, events } = await recording.seekTerminal(query.data.terminal, query.data.atMs);
    const answer: ScreenAnswer = {
      terminal: query.data.terminal,
      keyframe: keyframe === null ? null : { seq: keyframe.seq, atMs: keyframe.atMs, ...keyframe.data },
      events: events.map(toEventLine),
    };
    return NextResponse.json(answer, { headers: { 'Cache-Control': 'private, no-store' } });
  } catch (error) {
    return errorResponse(error);
  }
}
