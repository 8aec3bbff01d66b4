import type { EventData } from '@plumbline/protocol';
import type { MarkerKind } from './recordingIndex.ts';

/** How a replay's marks, and those of a cast, say what was recorded: people read words, never the codes of the log. */

/** Why there is no number. One that this version does not know is shown as it stands. */
const NO_SCORE: Readonly<Record<string, string>> = {
  nan: 'no valid number',
  invalid_submission: 'the submission is not valid',
  timed_out: 'the scorer ran out of time',
  out_of_memory: 'the scorer ran out of memory',
  crashed: 'the scorer crashed',
  bad_output: 'the scorer answered unreadably',
  cancelled: 'cancelled',
};

const PAUSE_REASONS: Readonly<Record<string, string>> = {
  break: 'a break',
  hibernate: 'hibernation',
  absent: 'nobody was there',
  awaiting_staff: 'waiting for staff',
  platform: 'a fault of the platform',
  other: 'another reason',
};

const CLOCK_MARKERS: Readonly<Record<string, { kind: MarkerKind; label: string }>> = {
  started: { kind: 'start', label: 'Clock started' },
  paused: { kind: 'pause', label: 'Paused' },
  resumed: { kind: 'resume', label: 'Resumed' },
  adjusted: { kind: 'clock', label: 'Time adjusted' },
  outage: { kind: 'clock', label: 'Outage given back' },
  rollback: { kind: 'clock', label: 'Rolled back' },
  submitted: { kind: 'end', label: 'Submitted' },
  expired: { kind: 'end', label: 'Time was up' },
  stopped: { kind: 'end', label: 'Stopped by staff' },
};

const SNAPSHOT_CAUSES: Readonly<Record<EventData<'snapshot.taken'>['cause'], string>> = {
  start: 'at the start',
  save: 'after a save',
  score: 'for a score',
  periodic: 'taken regularly',
  pause: 'at a pause',
  end: 'at the end',
};

const GAP_REASONS: Readonly<Record<string, string>> = { malformed: 'a page sent what cannot be read' };

/** `1 file`, `2 files`: for words whose plural is formed so. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** A score's result; `score` is null where there is no number. */
export function scoreWords(n: number, score: number | null, status: string): string {
  return `Score ${n}: ${score === null ? (NO_SCORE[status] ?? status) : Number(score.toPrecision(6))}`;
}

/** Why the clock stood still. */
export function pauseWords(reason: string): string {
  return reason === '' ? 'Paused' : `Paused: ${PAUSE_REASONS[reason] ?? reason}`;
}

/** The mark of what happened to the clock; null for what has none. */
export function clockMarker(event: Readonly<Record<string, unknown>>): { kind: MarkerKind; label: string } | null {
  const marker = CLOCK_MARKERS[String(event.kind)] ?? null;
  return event.kind === 'paused' && marker !== null ? { ...marker, label: pauseWords(String(event.reason ?? '')) } : marker;
}

/** When a snapshot was taken; empty for a cause that this version does not know. */
export function snapshotWords(cause: string): string {
  return SNAPSHOT_CAUSES[cause as keyof typeof SNAPSHOT_CAUSES] ?? '';
}

/** What cannot be shown, and why. */
export function gapWords(reason: string): string {
  return `Gap: ${GAP_REASONS[reason] ?? reason}`;
}

/** A size, for people. */
export function bytesWords(bytes: number): string {
  if (bytes < 1024) return counted(bytes, 'byte');
  if (bytes < 1024 ** 2) return `${Math.ceil(bytes / 1024)} KiB`;
  return bytes < 1024 ** 3 ? `${Math.ceil(bytes / 1024 ** 2)} MiB` : `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}

/** What the log names and nobody has stored, and why. */
export function lostBlobWords(reason: string, bytes: number): string {
  const why = reason === 'too_large' ? 'too large to be stored' : 'damaged on the disk of its machine';
  return `Gap: a copy of files (${bytesWords(bytes)}) is ${why}`;
}

/** Where something went or came from: `terminal:2`, `editor:` and a path, or a panel. */
export function targetWords(target: string): string {
  const [, kind = '', rest = ''] = /^(terminal|editor):(.*)$/s.exec(target) ?? [];
  return kind === 'terminal' ? `terminal ${rest}` : rest || target;
}

/** A paste's length, and where it went. */
export function pasteWords(length: number, target: string): string {
  return `Paste of ${counted(length, 'character')} into ${targetWords(target)}`;
}

/** A copy's length, and where it came from. */
export function copyWords(length: number, target: string): string {
  return `Copy of ${counted(length, 'character')} from ${targetWords(target)}`;
}
