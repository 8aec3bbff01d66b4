/** Which two scores an attempt's are normalised by: those measured on its own kind of hardware, or the published ones. */

/** Scores of a known solution on one hardware profile. */
export interface CalibrationRecord {
  profile: string;
  solution: 'start' | 'reference';
  mean: number;
  /** Sample standard deviation. */
  sd: number;
  n: number;
  atMs: number;
}

export interface Scale {
  /** Normalises to 0, and to 1. Null where an environment has no scale: its scores are shown raw. */
  startingScore: number | null;
  referenceScore: number | null;
  /** `calibration`: both were measured on the attempt's own profile. `published`: they are the manifest's. */
  source: 'calibration' | 'published';
  /** The attempt's hardware profile; null where it is not known. */
  profile: string | null;
  /** What a reader of a normalised score has to know; null where there is nothing to say. */
  note: string | null;
}

export interface PublishedScale {
  startingScore: number | null;
  referenceScore: number | null;
  measuredOn: string | null;
}

/**
 * The scale of an attempt that ran on `profile`. Both ends come from the newest calibration of that profile, or both from the
 * manifest: one of each would put two machines on one axis.
 */
export function scaleFor(published: PublishedScale, calibrations: readonly CalibrationRecord[], profile: string | null): Scale {
  const newest = (solution: CalibrationRecord['solution']) =>
    calibrations
      .filter((calibration) => calibration.profile === profile && calibration.solution === solution)
      .reduce<CalibrationRecord | null>((last, next) => (last === null || next.atMs >= last.atMs ? next : last), null);
  const start = newest('start');
  const reference = newest('reference');
  if (start !== null && reference !== null) {
    return { startingScore: start.mean, referenceScore: reference.mean, source: 'calibration', profile, note: null };
  }
  const { startingScore, referenceScore, measuredOn } = published;
  return { startingScore, referenceScore, source: 'published', profile, note: noteOf(published, profile, measuredOn) };
}

function noteOf(published: PublishedScale, profile: string | null, measuredOn: string | null): string | null {
  if (published.startingScore === null || published.referenceScore === null) return null;
  const where = measuredOn === null ? 'published scores' : `scores published for ${measuredOn}`;
  return profile === null
    ? `Normalised by the ${where}; the attempt's hardware is not known.`
    : `Normalised by the ${where}; there is no calibration on ${profile}.`;
}

/** Mean and sample standard deviation (0 for a single score) of a calibration's scores. Throws `RangeError` for none. */
export function calibrate(scores: readonly number[]): { mean: number; sd: number; n: number } {
  const n = scores.length;
  if (n === 0) throw new RangeError('A calibration needs at least one score.');
  const mean = scores.reduce((sum, score) => sum + score, 0) / n;
  const sd = n < 2 ? 0 : Math.sqrt(scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / (n - 1));
  return { mean, sd, n };
}
