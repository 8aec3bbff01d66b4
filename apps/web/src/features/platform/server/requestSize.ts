import { AppError } from '@plumbline/core';

/** Dotfiles are the most that a page sends, 256 KiB of text. What is parsed holds up every page meanwhile: 10 MB can take ten seconds. */
const BODY_MAX_BYTES = 1024 ** 2;

/**
 * Refuses a request whose body is larger than any that a page sends, or does not say its size, before any of it is read.
 *
 * @throws AppError `too_large`.
 */
export function assertShort(request: { headers: Headers }): void {
  const bytes = Number(request.headers.get('content-length') ?? 0);
  if (bytes <= BODY_MAX_BYTES && !request.headers.has('transfer-encoding')) return;
  throw new AppError('too_large', 'This request is larger than any that a page sends.');
}
