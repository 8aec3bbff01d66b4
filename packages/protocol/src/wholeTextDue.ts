/** So many changes are read in some ten milliseconds, and take as much room as twenty whole texts of a usual file. */
const WHOLE_TEXT_AFTER_CHANGES = 4_000;
/** Each change that is applied copies the text: in UTF-16 units, what a replay copies in some tens of milliseconds. */
const WHOLE_TEXT_AFTER_COPIED = 128 * 1024 * 1024;
/** Of all terminals: a jump reads what they put out between the whole text and its changes as well. */
const WHOLE_TEXT_AFTER_OUTPUT_BYTES = 4 * 1024 * 1024;

/**
 * Whether the whole text of a document is due at its next change: by the changes since the last one, the length of the text in UTF-16
 * units, and what the attempt's terminals put out since.
 */
export function isWholeTextDue({ changes, length, outputBytes }: { changes: number; length: number; outputBytes: number }): boolean {
  return changes >= WHOLE_TEXT_AFTER_CHANGES || changes * length >= WHOLE_TEXT_AFTER_COPIED || outputBytes >= WHOLE_TEXT_AFTER_OUTPUT_BYTES;
}
