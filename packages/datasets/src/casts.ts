import { CastWriter, castMarkerOf, type Recording } from '@plumbline/recording';
import type { ReleaseFile, ReleaseFolder } from './releaseFolder.ts';

/** Writes each terminal of a recording as `casts/<attempt>-<terminal>.cast`, all of them in one pass. */
export async function writeCasts(folder: ReleaseFolder, recording: Recording, attemptId: string): Promise<void> {
  const casts = new Map<number, { writer: CastWriter; file: ReleaseFile }>();
  try {
    for await (const event of recording.eventsByTime()) {
      const marker = castMarkerOf(event);
      if (marker !== null) for (const { writer, file } of casts.values()) await file.append(writer.mark(marker));
      if (!event.type.startsWith('terminal.')) continue;
      let cast = casts.get(event.stream);
      if (cast === undefined) {
        if (event.type !== 'terminal.opened') continue;
        cast = { writer: new CastWriter(), file: await folder.create(`casts/${attemptId}-${event.stream}.cast`) };
        casts.set(event.stream, cast);
      }
      await cast.file.append(cast.writer.write(event));
    }
  } finally {
    for (const { file } of casts.values()) await file.close();
  }
}
