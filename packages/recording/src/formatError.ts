/** What was read is not a recording as the format specifies it: damaged, foreign, or changed by hand. */
export class FormatError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'FormatError';
  }
}
