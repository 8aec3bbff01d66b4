import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import type { Player } from './player.ts';

/** Places to jump to, and what was so at a moment. */

/** "Before" just after a place means the one before that. */
const JUST_AFTER_MS = 1_000;

function neighbour<T extends { atMs: number }>(places: readonly T[], positionMs: number, direction: 1 | -1): T | undefined {
  return direction === 1
    ? places.find((place) => place.atMs > positionMs)
    : places.findLast((place) => place.atMs < positionMs - JUST_AFTER_MS);
}

/** To the marker before or after the position. */
export function seekMarker(player: Player, direction: 1 | -1): void {
  const marker = neighbour(player.index.markers, player.store.get().positionMs, direction);
  if (marker) void player.seek(marker.atMs);
}

/** To where a command before or after the position began. */
export function seekCommand(player: Player, direction: 1 | -1): void {
  const command = neighbour(player.index.commands, player.store.get().positionMs, direction);
  if (command) void player.seek(command.atMs);
}

/** Whether the participant had some page of the attempt before them; null where none has said so yet. */
export function isHere(index: RecordingIndex, positionMs: number): boolean | null {
  const tabs = new Map<string, boolean>();
  for (const { atMs, tab, here } of index.focus) {
    if (atMs > positionMs) break;
    tabs.set(tab, here);
  }
  return tabs.size === 0 ? null : [...tabs.values()].some(Boolean);
}

/** The stretches in which the participant had no page before them. */
export function awayStretches(index: RecordingIndex): { fromMs: number; toMs: number }[] {
  const tabs = new Map<string, boolean>();
  const stretches: { fromMs: number; toMs: number }[] = [];
  let awayFromMs: number | null = null;
  for (const { atMs, tab, here } of index.focus) {
    tabs.set(tab, here);
    const away = ![...tabs.values()].some(Boolean);
    if (away) awayFromMs ??= atMs;
    else if (awayFromMs !== null) {
      stretches.push({ fromMs: awayFromMs, toMs: atMs });
      awayFromMs = null;
    }
  }
  if (awayFromMs !== null) stretches.push({ fromMs: awayFromMs, toMs: index.toMs });
  return stretches;
}

/** The newest snapshot at or before a moment that can be had. */
export function snapshotAt(index: RecordingIndex, atMs: number): RecordingIndex['snapshots'][number] | null {
  return index.snapshots.findLast(({ atMs: takenMs, whole }) => whole && takenMs <= atMs) ?? null;
}

/** The moment that an address asks for with `?t=`, in milliseconds from the recording's beginning; undefined for none that can be read. */
export function momentAsked(t: string | string[] | undefined): number | undefined {
  const asked = typeof t === 'string' && t !== '' ? Number(t) : Number.NaN;
  return Number.isFinite(asked) ? asked : undefined;
}
