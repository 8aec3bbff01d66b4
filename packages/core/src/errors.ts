/** The closed list of things that can go wrong for a caller. Each process maps it once: HTTP status, tRPC code or close code. */
export const ERROR_CODES = {
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  invalid_input: 400,
  too_large: 413,
  clock_not_running: 409,
  time_expired: 409,
  sandbox_unavailable: 503,
  scorer_failed: 502,
  rate_limited: 429,
  unavailable: 503,
  internal: 500,
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/**
 * The one error that crosses a process border. `message` is shown to people: it says what happened and what to do,
 * and never carries a path, a secret or a staff-only text. The cause stays in the process's own log.
 */
export class AppError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'AppError';
    this.code = code;
  }

  /** The HTTP status that stands for this error's code. */
  get status(): number {
    return ERROR_CODES[this.code];
  }
}

/** Any thrown value as an `AppError`; what is not one already becomes `internal`, with its cause kept. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError(
    'internal',
    'Something went wrong on the platform. Nothing you recorded is lost; try again, and report it if it stays.',
    {
      cause: error,
    },
  );
}
