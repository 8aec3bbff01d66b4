import { AppError } from '@plumbline/core';
import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import { z } from 'zod';

/** What the routes of a recording are asked; their answers stand in `features/replay/model/recordingApi.ts`. */

const Commit = z.string().regex(/^[0-9a-f]{40}$/);

export const MomentQuery = z.object({ atMs: z.coerce.number() });
/** `t`: milliseconds from the beginning of the recording; without it, a running attempt's end, or where the work began. */
export const OpeningQuery = z.object({ t: z.coerce.number().optional() });
export const TreeQuery = z.object({ commit: Commit });
export const DiffQuery = z.object({ from: Commit, to: Commit });
/** `after`: the `next` of the answer before. */
export const SearchQuery = z.object({
  text: z.string().min(1).max(200),
  after: z
    .string()
    .regex(/^\d{1,15}\.\d{1,9}$/)
    .optional(),
});

/**
 * What a request's address asks.
 *
 * @throws AppError `invalid_input` that says which part is wrong.
 */
export function readQuery<T>(schema: z.ZodType<T>, request: Request): T {
  const query = schema.safeParse(Object.fromEntries(new URL(request.url).searchParams));
  if (!query.success) throw new AppError('invalid_input', z.prettifyError(query.error));
  return query.data;
}

/** Where a replay begins that was asked for `t`. */
export function openingMs(index: RecordingIndex, t: number | undefined): number {
  // Provisioning comes before the clock's start, and hours may lie between: who asks for no moment wants the work.
  const workFromMs = index.clock.find(({ event }) => event.kind === 'started')?.atMs ?? index.fromMs;
  const wantedMs = t !== undefined ? index.fromMs + t : index.live ? index.toMs : workFromMs;
  return Math.min(index.toMs, Math.max(index.fromMs, wantedMs));
}
