import { indexEvents, OUTLINED_TYPES } from '@plumbline/recording/indexBuilder';
import { openRecording } from '@plumbline/recording/reader';
import type { Worker } from './worker.ts';

/** Makes the index of a finished recording, so that nobody who opens its replay waits for the whole of it to be read. */
export async function indexRecording({ db, store, keys }: Worker, { attemptId }: { attemptId: string }): Promise<void> {
  const recording = await openRecording({ db, store, keys, attemptId });
  if ((await recording.keptIndex()) !== null) return;
  await recording.keepIndex(await indexEvents(recording.outline(OUTLINED_TYPES)));
}
