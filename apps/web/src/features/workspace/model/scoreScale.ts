/** The ends of the scale on which an environment's scores are normalised, as scores tell it. */

export interface ScaledScore {
  score: number;
  normalised: number | null;
}

/**
 * The raw scores that normalise to 0 and to 1; null where the scores do not say. Normalising is linear, but nothing is shown below 0:
 * it takes two different scores above.
 */
export function rawEnds(scores: readonly ScaledScore[]): { start: number; reference: number } | null {
  const told = scores.flatMap(({ score, normalised }) => (normalised !== null && normalised > 0 ? [{ score, normalised }] : []));
  const low = told.reduce<(typeof told)[number] | null>((least, one) => (least && least.normalised <= one.normalised ? least : one), null);
  const high = told.reduce<(typeof told)[number] | null>((most, one) => (most && most.normalised >= one.normalised ? most : one), null);
  if (!low || !high || low.normalised === high.normalised) return null;
  const span = (high.score - low.score) / (high.normalised - low.normalised);
  const start = low.score - low.normalised * span;
  return { start, reference: start + span };
}
