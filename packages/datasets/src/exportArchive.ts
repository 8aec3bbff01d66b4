import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ExportRequest, exportAttempts, type WrittenExport } from './exportAttempts.ts';
import { tarOf } from './tar.ts';

/** The folder that an archive unpacks into. */
const ARCHIVE_FOLDER = 'plumbline-export';

/** Writes attempts as one tar into the object store, under the hash of its bytes. Errors are those of `exportAttempts`. */
export async function exportArchive(request: ExportRequest): Promise<Omit<WrittenExport, 'files'> & { objectHash: string; bytes: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-export-'));
  try {
    const { files, ...written } = await exportAttempts(request, folder);
    // Made twice rather than kept: an archive's name is known only when all of it has been seen.
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const piece of tarOf(folder, files, ARCHIVE_FOLDER)) {
      hash.update(piece);
      bytes += piece.length;
    }
    const objectHash = hash.digest('hex');
    await request.store.put(objectHash, tarOf(folder, files, ARCHIVE_FOLDER));
    return { ...written, objectHash, bytes };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
