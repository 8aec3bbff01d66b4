import { AppError } from '@plumbline/core';
import type { EventRange } from '@plumbline/recording/reader';
import { z } from 'zod';

/** What a replay asks for: a stretch of time or of the log. */
const EventQuery = z
  .object({
    fromMs: z.coerce.number().optional(),
    toMs: z.coerce.number().optional(),
    fromSeq: z.coerce.number().int().min(1).optional(),
    toSeq: z.coerce.number().int().min(1).optional(),
  })
  .strict();

/**
 * The range that a request's query names.
 *
 * @throws AppError `invalid_input` that says which part is wrong.
 */
export function readEventQuery(search: URLSearchParams): EventRange {
  const parsed = EventQuery.safeParse(Object.fromEntries(search));
  if (!parsed.success) throw new AppError('invalid_input', z.prettifyError(parsed.error));
  return parsed.data;
}
