/** What a command's exit status says. */
export const EXIT = {
  /** The command looked, and the answer is no: a damaged recording, a family that fails its check, a score without a number. */
  no: 1,
  /** The command could not be carried out. */
  failed: 2,
} as const;
