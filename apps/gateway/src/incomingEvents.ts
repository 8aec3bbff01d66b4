import { AppError, JSON_LEVELS_MAX, nestsDeeper } from '@plumbline/core';
import { BROWSER_EVENT_TYPES, EVENTS, type EventInput, type EventType, type RunnerFrame, type RunnerToGateway } from '@plumbline/protocol';

/** What runners and pages say has happened, as events of the recording. All of it is hostile until a schema knows it. */

/** What a sandbox gave stands in the data of its event. */
const EVENT_LEVELS_MAX = JSON_LEVELS_MAX + 1;

const PAGE_TYPES: ReadonlySet<string> = new Set(BROWSER_EVENT_TYPES);

/** Null where no schema knows it, where only a page may say it, or where it is nested so deep that it could not be written. */
export function eventOfRunner({ type, stream, atMs, data }: Extract<RunnerToGateway, { t: 'event' }>): EventInput | null {
  if (!Object.hasOwn(EVENTS, type) || PAGE_TYPES.has(type) || nestsDeeper(data, EVENT_LEVELS_MAX)) return null;
  const parsed = EVENTS[type as EventType].schema.safeParse(data);
  return parsed.success ? ({ type, stream, atMs, data: parsed.data } as EventInput) : null;
}

/** Output that a terminal gave, or input that it took. */
export function eventOfFrame(frame: RunnerFrame): EventInput {
  const { terminal: stream, atMs } = frame;
  if (frame.kind === 'output') return { type: 'terminal.output', stream, atMs, data: { offset: frame.offset, bytes: frame.bytes } };
  const data = {
    tab: frame.tab,
    n: frame.inputN,
    ...(frame.hidden ? { hiddenBytes: frame.length } : { bytes: frame.bytes }),
    ...(frame.paste ? { paste: true } : {}),
  };
  return { type: 'terminal.input', stream, atMs, data };
}

/**
 * A paste into a terminal may be a password, which its hash would let anybody guess. Where the terminal echoed it, its `terminal.input`
 * has the bytes; and only the runner knows whether it did.
 */
function withoutTerminalPaste(event: EventInput): EventInput {
  if (event.type !== 'clipboard.paste' || !event.data.target.startsWith('terminal:')) return event;
  const { tab, target, length } = event.data;
  return { ...event, data: { tab, target, length } };
}

/** What stands under a number whose event cannot be recorded: refused, it would come again for ever, and all that follows with it. */
export function malformedEvent(source: string, n: number, atMs: number, reason: string): EventInput {
  return { type: 'connection.gap', stream: 0, atMs, data: { source, from: n, to: n, reason } };
}

/**
 * A claim that no schema knows, or that names another tab, still takes its number, as a gap: refusing it would stop everything that
 * the tab says after it.
 *
 * @throws AppError `invalid_input` for a type that a page cannot record.
 */
export function eventOfPage(
  tab: string,
  { n, type, atMs, data }: { n: number; type: string; atMs: number; data: unknown },
): { event: EventInput; readable: boolean } {
  if (!PAGE_TYPES.has(type)) throw new AppError('invalid_input', `A page cannot record ${type.slice(0, 60)}.`);
  const parsed = EVENTS[type as EventType].schema.safeParse(data);
  if (parsed.success && (parsed.data as { tab?: string }).tab === tab)
    return { event: withoutTerminalPaste({ type, stream: 0, atMs, data: parsed.data } as EventInput), readable: true };
  return { event: malformedEvent(`tab:${tab}`, n, atMs, 'malformed'), readable: parsed.success };
}
