import { errorResponse } from '@/features/platform/server/errorResponse.ts';
import { readEventQuery } from '@/features/recording/server/eventQuery.ts';
import { recordingOf } from '@/features/recording/server/recordingOf.ts';
import { toEventLine } from '@/features/replay/model/recordingApi.ts';

const encoder = new TextEncoder();
/** Lines are sent in pieces of about this size: one at a time would cost a chunk each. */
const CHUNK_CHARACTERS = 64 * 1024;

/** Decoded events of a range, one per line. Only what the reader has taken is read from the store. */
export async function GET(request: Request, { params }: { params: Promise<{ attemptId: string }> }): Promise<Response> {
  try {
    const { recording } = await recordingOf((await params).attemptId);
    const events = recording.eventsByTime(readEventQuery(new URL(request.url).searchParams));
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        let chunk = '';
        while (chunk.length < CHUNK_CHARACTERS) {
          const next = await events.next();
          if (next.done) {
            if (chunk) controller.enqueue(encoder.encode(chunk));
            controller.close();
            return;
          }
          chunk += `${JSON.stringify(toEventLine(next.value))}\n`;
        }
        controller.enqueue(encoder.encode(chunk));
      },
      async cancel() {
        await events.return(undefined);
      },
    });
    return new Response(body, { headers: { 'Content-Type': 'application/x-ndjson; charset=utf-8', 'Cache-Control': 'private, no-store' } });
  } catch (error) {
    return errorResponse(error);
  }
}
