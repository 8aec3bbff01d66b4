/** What the tests of a promise need and this machine lacks. */

/** What starting servers, mounting disks and changing users takes. */
export const notRoot = (): string | null => (process.getuid?.() === 0 ? null : 'only root can do that');

/**
 * Whether the tests of `what` are to be left out, since something is missing here: they are skipped out loud, and never in continuous
 * integration, where this throws.
 */
export function isAbsent(what: string, missing: string | null): boolean {
  if (missing !== null && process.env['CI']) throw new Error(`${what} cannot be tested here: ${missing}.`);
  return isOtherwise(what, missing);
}

/** The same for what the host's kernel settles and nobody can install: skipped out loud in continuous integration as well. */
export function isOtherwise(what: string, missing: string | null): boolean {
  if (missing !== null) console.warn(`SKIPPED: ${what}: ${missing}.`);
  return missing !== null;
}
