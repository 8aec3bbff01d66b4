import { AppError } from '@plumbline/core';
import { findStoredBlob } from '@plumbline/recording';
import { platform } from '../../platform/server/platform.ts';
import { recordingKeys } from './recordingOf.ts';
import { forgetErasedHistories } from './workspaceHistory.ts';

/** Where the bundles of an attempt's snapshots are read: a bundle's plain bytes by its hash, piece by piece, null where it is not stored yet. */
export type ReadBundle = (hash: string) => Promise<AsyncIterable<Buffer> | null>;

// A development server loads modules again after a change, and must not listen each time.
const held = globalThis as typeof globalThis & { plumblineErasures?: Promise<void> };

/**
 * The stored bundles of an attempt.
 *
 * @throws AppError `conflict` where its recording was erased.
 */
export async function bundlesOf(attemptId: string): Promise<ReadBundle> {
  const { db, store } = platform();
  held.plumblineErasures ??= forgetErasedHistories(db);
  await held.plumblineErasures.catch((error: unknown) => {
    delete held.plumblineErasures;
    throw error;
  });
  const dataKey = await (await recordingKeys()).findDataKey(db, attemptId);
  if (typeof dataKey === 'string') throw new AppError('conflict', 'The recording of this attempt was erased.');
  return async (hash) => (await findStoredBlob({ db, store, attemptId, dataKey }, hash))?.content() ?? null;
}
