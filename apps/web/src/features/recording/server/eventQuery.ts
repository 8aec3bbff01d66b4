import { AppError } from '@plumbline/core';
import { channelOf, type RecordedEvent } from '@plumbline/protocol';
import type { EventRange } from '@plumbline/recording/reader';
import { z } from 'zod';

/** What a replay asks for: a stretch of time or of the log, and of it all or only some channels or one document. */
const EventQuery = z
  .object({
    fromMs: z.coerce.number().optional(),
    toMs: z.coerce.number().optional(),
    fromSeq: z.coerce.number().int().min(1).optional(),
    toSeq: z.coerce.number().int().min(1).optional(),
    channels: z
      .string()
      .regex(/^[a-z_]+(,[a-z_]+)*$/, 'must be channel names with commas between them, such as editor,terminal')
      .optional(),
    tab: z.string().max(100).optional(),
    path: z.string().max(4096).optional(),
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
  const { channels, tab, path, ...range } = parsed.data;
  const wanted = channels === undefined ? null : new Set(channels.split(','));
  return {
    ...range,
    where: (event) => (wanted === null || wanted.has(channelOf(event.type))) && isOfDocument(event, tab, path),
  };
}

/** `tab` and `path` narrow the editor's events and leave the other channels alone. */
function isOfDocument(event: RecordedEvent, tab: string | undefined, path: string | undefined): boolean {
  if (!event.type.startsWith('editor.')) return true;
  const data = event.data as { tab?: string; path?: string };
  return (tab === undefined || data.tab === tab) && (path === undefined || data.path === path);
}
