import { Readable } from 'node:stream';
import { loadAttemptSubjects } from '@plumbline/api/views/attemptSubject';
import { AppError, assertCan } from '@plumbline/core';
import { loadExport } from '@plumbline/database/exports';
import { z } from 'zod';
import { errorResponse } from '@/features/platform/server/errorResponse.ts';
import { platform } from '@/features/platform/server/platform.ts';
import { currentActor } from '@/features/session/server/currentActor.ts';

/** A built export, as its archive; of none that has an attempt of whoever asks. */
export async function GET(_request: Request, { params }: { params: Promise<{ exportId: string }> }): Promise<Response> {
  try {
    const actor = await currentActor();
    assertCan(actor, 'export.download');
    const exportId = z.uuid().safeParse((await params).exportId);
    if (!exportId.success) throw new AppError('not_found', 'There is no such export.');
    const { db, store } = platform();
    const row = await loadExport(db, exportId.data);
    for (const subject of (await loadAttemptSubjects(db, row.attemptIds)).values()) assertCan(actor, 'attempt.readExported', subject);
    if (row.state !== 'done' || row.objectHash === null) throw new AppError('conflict', 'This export is not built yet.');
    const body = Readable.toWeb(await store.stream(row.objectHash)) as ReadableStream;
    return new Response(body, {
      headers: {
        'Content-Type': 'application/x-tar',
        'Content-Disposition': `attachment; filename="plumbline-export-${exportId.data.slice(0, 8)}.tar"`,
        ...(row.bytes === null ? {} : { 'Content-Length': String(row.bytes) }),
        'Cache-Control': 'private, no-store',
        'X-Checksum-Sha256': row.objectHash,
      },
    });
  } catch (error) {
    return errorResponse(error);
  }
}
