/** No terminal gives keyframes more often. */
export const KEYFRAME_EVERY_MS = 10_000;
/** What all terminals of the attempt put out after a terminal's keyframe and before its next one: a jump reads it, and draws the terminal's part. */
const KEYFRAME_AFTER_BYTES = 1024 * 1024;
/** Where little is put out: the segments of so long a time are read in some tens of milliseconds. */
const KEYFRAME_AFTER_MS = 120 * 60_000;

/**
 * Whether a terminal that put something out since its last keyframe, or since it was opened, is due its next one: by the time since
 * then, and by what all terminals of the attempt put out in it.
 */
export function isKeyframeDue({ ageMs, outputBytes }: { ageMs: number; outputBytes: number }): boolean {
  return ageMs >= KEYFRAME_EVERY_MS && (outputBytes >= KEYFRAME_AFTER_BYTES || ageMs >= KEYFRAME_AFTER_MS);
}
