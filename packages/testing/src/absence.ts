/** What the tests of a promise need and this machine lacks. */

/** What starting servers, mounting disks and changing users takes. */
export const notRoot = (): string | null => (process.getuid?.() === 0 ? null : 'only root can do that');

/**
 * Whether the tests of `what` are to be left out, since something is missing here: they are skipped out loud, and never in continuous
 * integration, where this throws.
 */
export function isAbsent(what: string, missing: string | null): boolean {
  if (missing === null) return false;
  if (process.env['CI']) throw new Error(`${what} cannot be tested here: ${missing}.`);
  console.warn(`SKIPPED: ${what}: ${missing}.`);
  return true;
}
