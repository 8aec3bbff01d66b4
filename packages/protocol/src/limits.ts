/** Sizes and times that both ends of a wire must agree on. */

/** A browser splits input at this size, so that one keystroke never waits behind a paste for long. */
export const INPUT_CHUNK_BYTES = 16 * 1024;
/** The largest paste that is taken; above it the browser and the gateway refuse with `too_large`. */
export const PASTE_MAX_BYTES = 5 * 1024 * 1024;
/** A tab holds this much input that is not yet durable; then typing is disabled and says why. */
export const UNACKNOWLEDGED_INPUT_MAX_BYTES = PASTE_MAX_BYTES + 256 * 1024;
/** One frame from a browser. Beyond it the socket closes with 1009. */
export const BROWSER_FRAME_MAX_BYTES = 4 * 1024 * 1024;
/** One frame on the runner's link. */
export const RUNNER_FRAME_MAX_BYTES = 16 * 1024 * 1024;
/** The runner stops reading PTYs with more than this not yet acknowledged. */
export const RUNNER_UNACKNOWLEDGED_MAX_BYTES = 8 * 1024 * 1024;
/** A viewer further behind than this is sent a fresh screen instead of what it missed. */
export const VIEWER_BEHIND_MAX_BYTES = 2 * 1024 * 1024;
/** A viewer returns credit each time it has drawn this many bytes. */
export const VIEWER_CREDIT_BYTES = 128 * 1024;
/** So many entries of a folder come in one answer: to read a larger one would hold the page for longer than a frame. */
export const LISTED_AT_ONCE = 5_000;
/** A text file larger than this opens read-only and in part. */
export const EDITOR_FILE_MAX_BYTES = 5 * 1024 * 1024;
/** Characters of the command that a terminal's tab names. */
export const TERMINAL_PROGRAM_MAX = 200;
/** Either end sends a ping after this much silence, and drops the link after as much again without an answer. */
export const PING_AFTER_MS = 5_000;
/** A single-use ticket is good for this long. */
export const TICKET_LIFETIME_MS = 45_000;
/** An instance of Plumbline's links; both ends refuse another one with a clear message. */
export const PROTOCOL_VERSION = 1;
/** Files go up and down in parts of this size at most, before they are written as base64. */
export const FILE_PART_MAX_BYTES = 512 * 1024;
/** The largest file that can be uploaded. */
export const UPLOAD_MAX_BYTES = 2 * 1024 ** 3;
/** The largest folder that can be downloaded as an archive. */
export const ARCHIVE_MAX_BYTES = 1024 ** 3;
/** A file or folder up to this size can be brought back after it was deleted in the browser. */
export const UNDELETE_MAX_BYTES = 256 * 1024 ** 2;
/** So many listening programs of a sandbox are told of. */
export const PORTS_LISTED_MAX = 100;
/** Why staff changed an attempt's clock, which its participant reads. */
export const CLOCK_REASON_MAX = 500;
/** A participant may seal the last minutes of the recording, this many at once, */
export const SEAL_MINUTES_MAX = 10;
/** and this many in one attempt: a password on a screen needs one or two, a whole attempt none. */
export const SEAL_TOTAL_MINUTES_MAX = 30;
export const SEAL_REASON_MAX = 500;
/** Characters of the reason for which an attempt is made void or left. */
export const CLOSE_REASON_MAX = 500;
/** Characters of a study's agreement, some forty pages, and of whom its participants write to. */
export const AGREEMENT_TEXT_MAX = 100_000;
export const AGREEMENT_CONTACT_MAX = 200;
/** The terminals of an attempt put out so much as fast as it comes, eight hours at 150 KB a second; everything beyond is read slowly. */
export const OUTPUT_FREE_BYTES = 4 * 1024 ** 3;
export const OUTPUT_SLOW_BYTES_PER_SECOND = 256 * 1024;
/** What is kept of a build's log: so many lines, the newest, each cut at so many characters. */
export const BUILD_LOG_LINES = 4_000;
export const BUILD_LOG_LINE_CHARACTERS = 400;
/** A blob goes up, and is kept, in parts of this size; only the last may be smaller. So much of it is in memory at once. */
export const BLOB_PART_BYTES = 8 * 1024 ** 2;
/** The largest submission or snapshot bundle that is stored: more than any sandbox's disk that was meant for a workspace. */
export const BLOB_MAX_BYTES = 64 * 1024 ** 3;
