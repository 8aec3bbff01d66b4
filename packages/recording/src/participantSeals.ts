import type { RecordingSeal } from '@plumbline/database/recordingSeals';
import { type EventType, SEALED_TYPES } from '@plumbline/protocol';

const SEALABLE: ReadonlySet<EventType> = new Set(SEALED_TYPES);

/** Whether a line lies in a stretch that its participant had withheld, and says what was shown, typed or asked in it. */
export function isSealed(seals: readonly RecordingSeal[], { type, atMs }: { type: EventType | null; atMs: number }): boolean {
  return type !== null && SEALABLE.has(type) && seals.some(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs);
}
