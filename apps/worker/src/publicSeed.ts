import { AppError } from '@plumbline/core';
import { hasSeed } from '@plumbline/taskstandard';

/** What is said at each start while environments draw data that anybody can draw; null where nothing is, or this is a demonstration. */
export function publicSeedNotice({ seed, secretsFile }: { seed: 'demo' | 'empty' | 'none'; secretsFile: string | null }): string | null {
  if (seed === 'demo') return null;
  try {
    if (hasSeed(secretsFile)) return null;
  } catch (error) {
    if (error instanceof AppError) return `${error.message} Until this is mended, no attempt gets a sandbox.`;
    throw error;
  }
  return (
    'PLUMBLINE_SEED_VALUE is not among the secrets (PLUMBLINE_SECRETS_FILE), so environments draw, and hold back, what they draw in every ' +
    'installation without it. Set it before results count. Attempts from then on have other data, so calibrate after it.'
  );
}
